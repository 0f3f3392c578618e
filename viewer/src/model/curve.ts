/** A smooth curve through points of the patient: where it runs, how long it is, and frames along it that do not twist. */

import { cross, dot, minus, type Vector } from "@/dicomweb/geometry";
import { plus, scaled } from "@/model/screen";

/** Sampled at equal lengths; mm, in the patient. */
export interface Path {
  readonly positions: readonly Vector[];
  /** Of unit length. */
  readonly tangents: readonly Vector[];
  /** Across the curve, of unit length, turned as little as the curve allows from one to the next. */
  readonly ups: readonly Vector[];
  /** From one position to the next. */
  readonly step: number;
  readonly length: number;
  /** How far along each of the points lies. */
  readonly knots: readonly number[];
}

const APART_MM = 0.01; // nearer points are one
const FINENESS = 8; // pieces of a step that lengths are added up from
const PIECES_MAX = 20_000;
const STEEP = 0.9; // cosine: too near to be a direction across

export function unit(a: Vector): Vector {
  const length = Math.hypot(...a);
  return length > 0 ? scaled(a, 1 / length) : [0, 0, 0];
}

/** Between two points, `share` of the way. */
export function mixed(a: Vector, b: Vector, share: number): Vector {
  return plus(scaled(a, 1 - share), scaled(b, share));
}

/** Turned about an axis of unit length which it stands on. */
export function turned(a: Vector, axis: Vector, angle: number): Vector {
  return plus(scaled(a, Math.cos(angle)), scaled(cross(axis, a), Math.sin(angle)));
}

/**
 * A centripetal Catmull-Rom curve, which goes through every point and has neither cusps nor loops between two of them;
 * its ends go on as they came. Positions are about `wanted` mm apart. Undefined for less than two points.
 */
export function smooth(points: readonly Vector[], wanted: number): Path | undefined {
  const own = points.filter((point, index) => index === 0 || distance(point, points[index - 1] ?? point) > APART_MM);
  if (own.length < 2) return undefined;
  const { fine, lengths, knots } = piecewise(own, wanted / FINENESS);
  const length = lengths.at(-1) ?? 0;
  const steps = Math.max(1, Math.round(length / wanted));
  const step = length / steps; // both ends are on it
  const positions = resampled(fine, lengths, steps + 1, step);
  const tangents = positions.map((here, index) => unit(minus(positions[index + 1] ?? here, positions[index - 1] ?? here)));
  return { positions, tangents, ups: untwisted(positions, tangents), step, length, knots };
}

function distance(a: Vector, b: Vector): number {
  return Math.hypot(...minus(a, b));
}

/** The curve as many short straight pieces, and how far along each of them begins. */
function piecewise(points: readonly Vector[], piece: number): { fine: Vector[]; lengths: number[]; knots: number[] } {
  const whole = points.reduce((sum, point, index) => sum + distance(point, points[index - 1] ?? point), 0);
  const size = Math.max(piece, whole / PIECES_MAX);
  const [first, second] = [points[0], points[1]];
  const [last, before] = [points.at(-1), points.at(-2)];
  if (!first || !second || !last || !before) throw new Error("a curve has two ends");
  const all = [minus(scaled(first, 2), second), ...points, minus(scaled(last, 2), before)];
  const fine: Vector[] = [first];
  const lengths: number[] = [0];
  const knots: number[] = [0];
  let length = 0;
  for (let at = 1; at + 2 < all.length; at += 1) {
    const four = all.slice(at - 1, at + 3) as [Vector, Vector, Vector, Vector];
    const pieces = Math.max(16, Math.ceil(distance(four[1], four[2]) / size));
    for (let one = 1; one <= pieces; one += 1) {
      const next = between(four, one / pieces);
      length += distance(next, fine.at(-1) ?? next);
      fine.push(next);
      lengths.push(length);
    }
    knots.push(length);
  }
  return { fine, lengths, knots };
}

/** From the second to the third of four points (Barry and Goldman 1988, with the square roots of their distances). */
function between([a, b, c, d]: readonly [Vector, Vector, Vector, Vector], share: number): Vector {
  const ta = 0;
  const tb = ta + Math.sqrt(distance(a, b));
  const tc = tb + Math.sqrt(distance(b, c));
  const td = tc + Math.sqrt(distance(c, d));
  const t = tb + share * (tc - tb);
  const on = (from: Vector, to: Vector, low: number, high: number): Vector => mixed(from, to, (t - low) / (high - low));
  const [ab, bc, cd] = [on(a, b, ta, tb), on(b, c, tb, tc), on(c, d, tc, td)];
  return on(on(ab, bc, ta, tc), on(bc, cd, tb, td), tb, tc);
}

/** `count` points of a line of pieces, `step` apart along it. */
export function resampled(line: readonly Vector[], lengths: readonly number[], count: number, step: number): Vector[] {
  let piece = 0;
  return Array.from({ length: count }, (_, index) => {
    const target = index * step;
    while (piece < line.length - 2 && (lengths[piece + 1] ?? Infinity) < target) piece += 1;
    const from: Vector = line[piece] ?? [0, 0, 0];
    const to = line[piece + 1] ?? from;
    const [low, high] = [lengths[piece] ?? 0, lengths[piece + 1] ?? 0];
    return mixed(from, to, high > low ? Math.min(1, (target - low) / (high - low)) : 0);
  });
}

/** Directions across, each the one before without a turn about the curve (Wang et al. 2008, double reflection). */
function untwisted(positions: readonly Vector[], tangents: readonly Vector[]): Vector[] {
  const found: Vector[] = [];
  let up = upright(tangents[0] ?? [1, 0, 0]);
  for (const [index, tangent] of tangents.entries()) {
    const [here, before, old] = [positions[index], positions[index - 1], tangents[index - 1]];
    if (here && before && old) up = carried(up, minus(here, before), old, tangent);
    up = unit(minus(up, scaled(tangent, dot(up, tangent)))); // what rounding has lost
    found.push(up);
  }
  return found;
}

function carried(up: Vector, way: Vector, from: Vector, to: Vector): Vector {
  const [upThere, fromThere] = [mirrored(up, way), mirrored(from, way)];
  return mirrored(upThere, minus(to, fromThere));
}

function mirrored(a: Vector, normal: Vector): Vector {
  const square = dot(normal, normal);
  return square < 1e-18 ? a : minus(a, scaled(normal, (2 * dot(normal, a)) / square));
}

/** Across a direction and nearest to the head, or to the front where the direction itself looks there. */
function upright(tangent: Vector): Vector {
  const wanted: Vector = Math.abs(tangent[2]) > STEEP ? [0, -1, 0] : [0, 0, 1];
  return unit(minus(wanted, scaled(tangent, dot(wanted, tangent))));
}

/** The place of a position among those of the path, for a length along it. */
export function indexAlong({ positions, step }: Path, along: number): number {
  return Math.max(0, Math.min(positions.length - 1, Math.round(along / step)));
}

/** The point of the curve so far along. */
export function pointAlong(path: Path, along: number): Vector {
  const exact = Math.max(0, Math.min(path.positions.length - 1, along / path.step));
  const low = Math.min(Math.floor(exact), Math.max(0, path.positions.length - 2));
  const from: Vector = path.positions[low] ?? [0, 0, 0];
  return mixed(from, path.positions[low + 1] ?? from, exact - low);
}
