/** What outlines of a structure set look like on a screen: as they are drawn, or as a plane across cuts them. */

import { dot, minus, type Vector } from "@/dicomweb/geometry";
import { pointAt, type Contour, type Structure } from "@/dicomweb/structureSet";
import { onScreen, scaled, plus, type CanvasPoint, type Screen } from "@/model/screen";

export interface Shape {
  readonly type: Contour["type"] | "cut";
  readonly points: readonly CanvasPoint[];
}

const PARALLEL = 0.999;
const ROUNDED_MM = 1e-3;
const ALONE_MM = 0.5; // how far an outline without neighbours is seen to both sides

/** `thickness`: of the image on the screen, mm; an outline is seen in what is nearest to it. */
export function shapesOf({ contours, gap }: Structure, screen: Screen, thickness: number): Shape[] {
  const facing = normalOf(screen);
  const reach = Math.max(gap / 2, thickness / 2, ALONE_MM);
  return contours.flatMap((contour): Shape[] => {
    const away = (index: number): number => dot(minus(pointAt(contour.points, index), screen.origin), facing);
    const flat = contour.normal === undefined || Math.abs(dot(contour.normal, facing)) > PARALLEL;
    if (!flat) return contour.type === "closed" ? cuts(contour, screen, Math.max(gap, ALONE_MM * 2)) : [];
    if (Math.abs(away(0)) > reach + ROUNDED_MM) return [];
    const count = contour.points.length / 3;
    return [{ type: contour.type, points: Array.from({ length: count }, (_, index) => onScreen(screen, pointAt(contour.points, index))) }];
  });
}

function normalOf({ right, down }: Screen): Vector {
  const [a, b] = [right, down];
  const across: Vector = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
  return scaled(across, 1 / Math.hypot(...across));
}

/** What of the inside of an outline lies on the screen's plane, as strips as high as the outline speaks for. */
function cuts({ points, normal }: Contour, screen: Screen, high: number): Shape[] {
  const facing = normalOf(screen);
  if (!normal) return [];
  const count = points.length / 3;
  const crossings: Vector[] = [];
  for (let index = 0; index < count; index += 1) {
    const [from, to] = [pointAt(points, index), pointAt(points, (index + 1) % count)];
    const [a, b] = [dot(minus(from, screen.origin), facing), dot(minus(to, screen.origin), facing)];
    if (a >= 0 !== b >= 0) crossings.push(plus(from, scaled(minus(to, from), a / (a - b))));
  }
  const [first] = crossings;
  if (!first) return [];
  const farthest = crossings.toSorted((a, b) => Math.hypot(...minus(b, first)) - Math.hypot(...minus(a, first)))[0] ?? first;
  const line = minus(farthest, first);
  const sorted = crossings.toSorted((a, b) => dot(a, line) - dot(b, line));
  // across the strip, in the plane of the screen
  const leaning = plus(normal, scaled(facing, -dot(normal, facing)));
  const half = scaled(leaning, high / 2 / Math.hypot(...leaning) ** 2);
  const strips: Shape[] = [];
  for (let index = 0; index + 1 < sorted.length; index += 2) {
    const [from, to] = [sorted[index] ?? first, sorted[index + 1] ?? first];
    const corners = [plus(from, half), plus(to, half), minus(to, half), minus(from, half)];
    strips.push({ type: "cut", points: corners.map((corner) => onScreen(screen, corner)) });
  }
  return strips;
}

/** The middle of the outline in the middle, mm; undefined where there is none. */
export function middleOf({ contours }: Structure): Vector | undefined {
  const axis = contours.find(({ normal }) => normal)?.normal;
  const sorted = axis ? contours.toSorted((a, b) => dot(pointAt(a.points, 0), axis) - dot(pointAt(b.points, 0), axis)) : contours;
  const middle = sorted[sorted.length >> 1];
  if (!middle) return undefined;
  const count = middle.points.length / 3;
  return scaled(plus(...Array.from({ length: count }, (_, index) => pointAt(middle.points, index))), 1 / count);
}
