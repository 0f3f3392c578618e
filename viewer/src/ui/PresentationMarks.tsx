/** What a presentation state draws over an image: its figures and texts, and what its shutters leave. */

import type { Frame } from "@/dicomweb/frames";
import { displayOf, marksOf, shuttersOf, type Mark, type Shutter } from "@/dicomweb/presentation";
import type { PaneProps } from "@/ui/paneProps";

interface Props extends PaneProps {
  readonly frame: Frame;
}

type Place = (point: readonly [number, number]) => readonly [number, number];

const STEPS = 64;

export function PresentationMarks({ workspace, pane, frame }: Props) {
  const state = workspace.presenting.of(pane);
  const { placed } = pane.view.value; // drawn anew whenever the image lies otherwise
  const controls = pane.controls.value;
  if (!state || placed === undefined || !controls?.imageToCanvas) return null;
  const place: Place = (point) => controls.imageToCanvas?.(point) ?? [0, 0];
  const { area } = displayOf(state, frame);
  const inArea: Place = ([x, y]) =>
    area ? place([area.left + x * (area.right - area.left), area.top + y * (area.bottom - area.top)]) : place([x, y]);
  return (
    <svg class="guides presentation-marks" aria-hidden="true" data-testid="presentation-marks" data-placed={placed}>
      {shuttersOf(state).map((one, index) => (
        <path key={`shutter-${index}`} class="shutter" fill-rule="evenodd" d={`M-9999 -9999H9999V9999H-9999Z${outline(one, place)}`} />
      ))}
      {marksOf(state, frame).map((mark, index) => (
        <Drawn key={index} mark={mark} place={mark.display ? inArea : place} />
      ))}
    </svg>
  );
}

function path(points: readonly (readonly [number, number])[], place: Place): string {
  return points.map((point, index) => `${index === 0 ? "M" : "L"}${place(point).map((value) => value.toFixed(1)).join(" ")}`).join("");
}

function around(middle: readonly number[], major: readonly number[], minor: readonly number[]): [number, number][] {
  return Array.from({ length: STEPS + 1 }, (_, step) => {
    const angle = (2 * Math.PI * step) / STEPS;
    const at = (axis: number): number =>
      (middle[axis] ?? 0) + (major[axis] ?? 0) * Math.cos(angle) + (minor[axis] ?? 0) * Math.sin(angle);
    return [at(0), at(1)];
  });
}

function outline(shutter: Shutter, place: Place): string {
  if ("points" in shutter) return `${path(shutter.points, place)}Z`;
  return `${path(around(shutter.center, [shutter.radius, 0], [0, shutter.radius]), place)}Z`;
}

function curve({ type, points }: Mark): readonly (readonly [number, number])[] {
  const [a, b, c, d] = points;
  if (type === "CIRCLE" && a && b) {
    const radius = Math.hypot(b[0] - a[0], b[1] - a[1]);
    return around(a, [radius, 0], [0, radius]);
  }
  if (type === "ELLIPSE" && a && b && c && d) {
    const middle = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    return around(middle, [(b[0] - a[0]) / 2, (b[1] - a[1]) / 2], [(d[0] - c[0]) / 2, (d[1] - c[1]) / 2]);
  }
  return points;
}

function Drawn({ mark, place }: { readonly mark: Mark; readonly place: Place }) {
  const [first] = mark.points;
  if (!first) return null;
  const [x, y] = place(first);
  if (mark.type === "TEXT") {
    return (
      <text x={x + 6} y={y + 14}>
        {mark.text}
      </text>
    );
  }
  if (mark.type === "POINT") return <path d={`M${x - 5} ${y}h10M${x} ${y - 5}v10`} />;
  return <path class={mark.filled ? "filled" : undefined} d={path(curve(mark), place)} />;
}
