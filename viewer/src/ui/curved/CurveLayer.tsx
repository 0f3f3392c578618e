/** The curve over a plane or an image: laid with taps, its points dragged or moved by keys, and where on it one looks. */

import { useEffect, useRef } from "preact/hooks";

import type { Frame } from "@/dicomweb/frames";
import { cross, dot, minus, type Vector } from "@/dicomweb/geometry";
import { t } from "@/i18n";
import { pointAlong, unit, type Path } from "@/model/curve";
import type { CurvedPath } from "@/model/curvedPath";
import { curveOf } from "@/model/laidCurves";
import type { Pane } from "@/model/pane";
import { nearest, planeOf } from "@/model/planes";
import { gripsOf } from "@/ui/curved/grips";
import { onScreen, plus, scaled, type Screen } from "@/model/screen";
import { followTaps } from "@/ui/curved/taps";
import { imagePlace, planeScreen, stackScreen } from "@/ui/marks/place";
import type { PaneProps } from "@/ui/paneProps";
import { useSize } from "@/ui/useSize";
import type { PlanePlace } from "@/viewport/volumeContract";

import "@/ui/curved/curved.css";

/** Over a plane. */
export function PlaneCurve({ workspace, pane, place }: PaneProps & { readonly place: PlanePlace | undefined }) {
  const curve = curveOf(workspace, pane);
  if (!curve || !place) return null;
  return <CurveLayer curve={curve} pane={pane} screenFor={(size) => planeScreen(place, size)} goTo={(point) => pane.controls.peek()?.goTo?.(point)} />;
}

/** Over an image of a stack. */
export function StackCurve({ workspace, pane, frame }: PaneProps & { readonly frame: Frame }) {
  const curve = curveOf(workspace, pane);
  const { placed } = pane.view.value; // drawn anew whenever the image lies otherwise
  const controls = pane.controls.value;
  if (!curve || !controls || placed === undefined || !planeOf(frame)) return null;
  const goTo = (point: Vector): void => {
    const index = nearest(pane.content.peek().frames, point);
    if (index !== undefined) pane.goTo(index);
  };
  return <CurveLayer curve={curve} pane={pane} screenFor={(size) => stackScreen(imagePlace(frame), controls, size)} goTo={goTo} />;
}

interface CurveLayerProps {
  readonly curve: CurvedPath;
  readonly pane: Pane;
  screenFor(size: readonly [number, number]): Screen | undefined;
  /** Show the point. */
  goTo(point: Vector): void;
}

function CurveLayer({ curve, pane, screenFor, goTo }: CurveLayerProps) {
  const element = useRef<SVGSVGElement>(null);
  const size = useSize(element);
  const screen = size[0] > 0 ? screenFor(size) : undefined;
  const latest = useRef(screen);
  latest.current = screen;
  const editing = curve.editing.value;
  useEffect(() => {
    const host = element.current?.parentElement;
    if (!host || !editing) return undefined;
    const add = (x: number, y: number): void => {
      if (latest.current) curve.add(pointAt(latest.current, x, y));
    };
    const stop = followTaps(host, add);
    const key = (event: KeyboardEvent): void => {
      if (event.key !== "Enter" || event.target !== host) return;
      event.stopPropagation();
      add(host.clientWidth / 2, host.clientHeight / 2);
      requestAnimationFrame(() => element.current?.querySelector<SVGElement>(".curve-point[data-chosen=true]")?.focus());
    };
    host.addEventListener("keydown", key);
    return () => {
      stop();
      host.removeEventListener("keydown", key);
    };
  }, [curve, editing]);
  const at = curve.at.value;
  useEffect(() => {
    const point = at.by !== "" && at.by !== pane.id ? curve.place() : undefined;
    if (point) goTo(point);
  }, [at]);
  const path = curve.path.value;
  const points = curve.points.value;
  const grips = screen && editing ? gripsOf(points.map((point) => ({ at: onScreen(screen, point), away: isAway(screen, point) })), curve.chosen.value) : [];
  return (
    <svg ref={element} class="curve-layer" data-testid="curve-layer" data-editing={editing} data-points={points.length}>
      {screen && path && <CurveLine curve={curve} pane={pane} path={path} screen={screen} />}
      {screen && editing && points.map((point, index) => (
        <Handle key={index} curve={curve} index={index} point={point} screen={screen} grip={grips[index]} />
      ))}
    </svg>
  );
}

function pointAt({ origin, right, down }: Screen, x: number, y: number): Vector {
  return plus(origin, scaled(right, x), scaled(down, y));
}

/** From the plane of the screen, mm. */
function depthOf(screen: Screen, point: Vector): number {
  return dot(minus(point, screen.origin), unit(cross(screen.right, screen.down)));
}

const NEAR_MM = 3; // what lies in or beside the plane is drawn plainly

function isAway(screen: Screen, point: Vector): boolean {
  return Math.abs(depthOf(screen, point)) > NEAR_MM;
}

interface CurveLineProps {
  readonly curve: CurvedPath;
  readonly pane: Pane;
  readonly path: Path;
  readonly screen: Screen;
}

function CurveLine({ curve, pane, path, screen }: CurveLineProps) {
  const drawn = path.positions.filter((_, index) => index % 2 === 0 || index === path.positions.length - 1);
  const line = (points: readonly Vector[]): string =>
    points.map((point, index) => `${index === 0 ? "M" : "L"}${onScreen(screen, point).map((value) => value.toFixed(1)).join(" ")}`).join("");
  const near: Vector[][] = [[]];
  for (const point of drawn) {
    if (Math.abs(depthOf(screen, point)) <= NEAR_MM) near.at(-1)?.push(point);
    else if (near.at(-1)?.length) near.push([]);
  }
  const mark = pointAlong(path, curve.at.value.mm);
  const [x, y] = onScreen(screen, mark);
  const there = (event: PointerEvent): number => {
    const box = (event.currentTarget as SVGElement).ownerSVGElement?.getBoundingClientRect();
    const [px, py] = [event.clientX - (box?.left ?? 0), event.clientY - (box?.top ?? 0)];
    let best = { along: 0, distance: Infinity };
    for (const [index, point] of path.positions.entries()) {
      const [sx, sy] = onScreen(screen, point);
      if (Math.hypot(sx - px, sy - py) < best.distance) best = { along: index * path.step, distance: Math.hypot(sx - px, sy - py) };
    }
    return best.along;
  };
  const take = (event: PointerEvent): void => {
    event.stopPropagation();
    const along = there(event);
    if (curve.editing.peek()) curve.add(pointAlong(path, along), along);
    else curve.goTo(along, pane.id);
  };
  return (
    <g>
      <path class="curve-line away" d={line(drawn)} />
      {near.filter((part) => part.length > 1).map((part, index) => <path key={index} class="curve-line" d={line(part)} />)}
      <path class="curve-grip" d={line(drawn)} onPointerDown={take} />
      <path class="curve-mark" data-testid="curve-mark" data-away={Math.abs(depthOf(screen, mark)) > NEAR_MM} d={`M${x - 9} ${y}L${x} ${y - 9}L${x + 9} ${y}L${x} ${y + 9}Z`} />
    </g>
  );
}

interface HandleProps {
  readonly curve: CurvedPath;
  readonly index: number;
  readonly point: Vector;
  readonly screen: Screen;
  /** The radius within which it is taken, pixels; undefined where it is only seen. */
  readonly grip: number | undefined;
}

const DOT_PX = 6;
const KEY_MM = 1;
const KEYS: Readonly<Record<string, readonly [number, number]>> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** The plane under a point. */
function host({ currentTarget }: KeyboardEvent): HTMLElement | SVGElement {
  return (currentTarget as SVGElement).closest<HTMLElement>("[data-testid=viewport]") ?? (currentTarget as SVGElement);
}

/** A point of the curve: keeps its depth while it is moved on the screen. */
function Handle({ curve, index, point, screen, grip }: HandleProps) {
  const [x, y] = onScreen(screen, point);
  const held = useRef<{ readonly from: readonly [number, number]; readonly point: Vector; moved: boolean } | undefined>(undefined);
  const moved = (from: Vector, right: number, down: number): Vector => plus(from, scaled(screen.right, right), scaled(screen.down, down));
  const key = (event: KeyboardEvent): void => {
    const way = KEYS[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey) return; // to undo, to save
    if (event.key === "Escape") host(event).focus();
    else if (event.key === "Delete" || event.key === "Backspace") curve.remove(index);
    else if (way) {
      const pixels = (KEY_MM * (event.shiftKey ? 5 : 1)) / Math.hypot(...screen.right);
      curve.grasp(index);
      curve.drag(index, moved(point, way[0] * pixels, way[1] * pixels));
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const release = (event: PointerEvent): void => {
    event.stopPropagation();
    held.current = undefined;
  };
  const look = isAway(screen, point) ? "curve-point away" : "curve-point";
  const place = `translate(${x} ${y})`;
  if (grip === undefined) {
    return (
      <g class={`${look} only-seen`} data-testid="curve-point" transform={place} aria-hidden="true">
        <circle class="curve-point-dot" r={DOT_PX} />
      </g>
    );
  }
  return (
    <g
      class={look}
      data-testid="curve-point"
      data-chosen={curve.chosen.value === index}
      data-keys="own"
      data-world={point.join(" ")}
      transform={place}
      role="button"
      tabIndex={0}
      aria-label={t("curved.point", { index: index + 1, total: curve.points.value.length })}
      onFocus={() => (curve.chosen.value = index)}
      onKeyDown={key}
      onPointerDown={(event) => {
        event.stopPropagation();
        event.currentTarget.setPointerCapture(event.pointerId);
        curve.chosen.value = index;
        held.current = { from: [event.clientX, event.clientY], point, moved: false };
      }}
      onPointerMove={(event) => {
        const { current: hold } = held;
        if (!hold) return;
        const [right, down] = [event.clientX - hold.from[0], event.clientY - hold.from[1]];
        if (!hold.moved && Math.hypot(right, down) < 3) return;
        if (!hold.moved) curve.grasp(index);
        hold.moved = true;
        curve.drag(index, moved(hold.point, right, down));
      }}
      onPointerUp={release}
      onPointerCancel={release}
    >
      <circle class="curve-point-grip" r={grip} />
      <circle class="curve-point-dot" r={DOT_PX} />
    </g>
  );
}
