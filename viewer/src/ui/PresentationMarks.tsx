/** What a presentation state draws over an image: its figures and texts, and what its shutters, or the image's own, leave. */

import type { Frame } from "@/dicomweb/frames";
import { marksOf, type Mark, type Pair } from "@/dicomweb/graphics";
import { displayOf, shadeOf, shuttersOf, type Shutter } from "@/dicomweb/presentation";
import { around, strokesOf, type Ground } from "@/model/drawn";
import type { PaneProps } from "@/ui/paneProps";

interface Props extends PaneProps {
  readonly frame: Frame;
}

type Place = (point: Pair) => Pair;

const LETTERS_PX = 14;
const [THINNEST_PX, THICKEST_PX] = [1, 24];

export function PresentationMarks({ workspace, pane, frame }: Props) {
  const state = workspace.presenting.of(pane);
  const { placed } = pane.view.value; // drawn anew whenever the image lies otherwise
  const controls = pane.controls.value;
  const shutters = shuttersOf(state, frame);
  const nothing = !state && shutters.length === 0;
  if (nothing || placed === undefined || !controls?.imageToCanvas || workspace.presenting.pictureOf(pane, frame)) return null;
  const place: Place = (point) => controls.imageToCanvas?.(point) ?? [0, 0];
  const area = (state && displayOf(state, frame).area) ?? { left: 0, top: 0, right: 1, bottom: 1 };
  const corners = [place([area.left, area.top]), place([area.right, area.bottom])] as const;
  const [left, top] = [Math.min(corners[0][0], corners[1][0]), Math.min(corners[0][1], corners[1][1])];
  const [across, down] = [Math.abs(corners[1][0] - corners[0][0]), Math.abs(corners[1][1] - corners[0][1])];
  const inArea: Place = ([x, y]) => [left + x * across, top + y * down]; // of the area as it is turned
  const pixel = apart(place([0, 0]), place([1, 0]));
  return (
    <svg class="guides presentation-marks" aria-hidden="true" data-testid="presentation-marks" data-placed={placed}>
      {shutters.map((one, index) => (
        <path key={`shutter-${index}`} class="shutter" style={{ fill: shadeOf(state, frame) }} fill-rule="evenodd" d={`M-9999 -9999H9999V9999H-9999Z${outline(one, place)}`} />
      ))}
      {(state ? marksOf(state, frame) : []).map((mark, index) => (
        <Drawn key={index} mark={mark} ground={{ place: mark.display ? inArea : place, area: across }} unit={mark.display ? 1 : pixel} />
      ))}
    </svg>
  );
}

function apart([x, y]: Pair, [u, v]: Pair): number {
  return Math.hypot(u - x, v - y);
}

function path(points: readonly Pair[]): string {
  return points.map((point, index) => `${index === 0 ? "M" : "L"}${point.map((value) => value.toFixed(1)).join(" ")}`).join("");
}

function outline(shutter: Shutter, place: Place): string {
  const points = "points" in shutter ? shutter.points : around(shutter.center, [shutter.radius, 0], [0, shutter.radius]);
  return `${path(points.map(place))}Z`;
}

interface DrawnProps {
  readonly mark: Mark;
  readonly ground: Ground;
  /** CSS pixels of a unit of its thickness. */
  readonly unit: number;
}

function Drawn({ mark, ground, unit }: DrawnProps) {
  const { lines, letters, filled } = strokesOf(mark, ground);
  const { colour, opacity, thickness, dashes, fill, letters: look } = mark.style;
  const width = thickness === undefined ? undefined : Math.min(THICKEST_PX, Math.max(THINNEST_PX, thickness * unit));
  const line = {
    ...(colour !== undefined && { stroke: colour }),
    ...(width !== undefined && { strokeWidth: width }),
    ...(opacity < 1 && { opacity }),
    ...(dashes.length > 0 && { strokeDasharray: dashes.map((run) => run * Math.max(2, width ?? 2)).join(" ") }),
    ...(filled && { fill: fill ?? colour ?? "" }),
  };
  const written = {
    ...(look.colour !== undefined && { fill: look.colour }),
    ...(look.bold && { fontWeight: 700 }),
    ...(look.italic && { fontStyle: "italic" }),
    ...(look.underlined && { textDecoration: "underline" }),
  };
  return (
    <g data-mark={mark.type}>
      {lines.length > 0 && <path class={filled ? "filled" : undefined} style={line} d={lines.map(path).join("")} />}
      {letters.map(({ at: [x, y], text }, index) => (
        <text key={index} style={written}>
          {text.split("\n").map((words, row) => (
            <tspan key={row} x={x} y={y + (row + 0.6) * LETTERS_PX}>
              {words}
            </tspan>
          ))}
        </text>
      ))}
    </g>
  );
}
