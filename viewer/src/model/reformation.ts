/** Sheets along and across a curve: at which points of the patient a reformation takes the values of its picture. */

import { cross, dot, minus, type Vector } from "@/dicomweb/geometry";
import { indexAlong, mixed, resampled, turned, unit, type Path } from "@/model/curve";
import { plus, scaled } from "@/model/screen";
import type { Sheet } from "@/viewport/volumeContract";

export const FORMS = ["straightened", "stretched"] as const;
/**
 * `straightened`: the curve becomes a straight line, with what lies across it above and below. `stretched`: the surface
 * through the curve along one direction is laid flat; distances on it stay.
 */
export type Form = (typeof FORMS)[number];

function rowsFor(width: number, step: number): number {
  return 2 * Math.round(width / 2 / step) + 1;
}

/** `width` across the curve, looked at from a direction turned by `angle` about it. */
export function straightened(path: Path, width: number, angle: number): Sheet {
  const columns = path.positions.map((centre, index) => {
    const [tangent, up] = across(path, index, angle);
    return { centre, down: scaled(up, -1), through: cross(tangent, up), along: index * path.step, below: 0 };
  });
  return { columns, rows: rowsFor(width, path.step), step: path.step };
}

function across({ tangents, ups }: Path, index: number, angle: number): readonly [Vector, Vector] {
  const tangent: Vector = tangents[index] ?? [1, 0, 0];
  const up: Vector = ups[index] ?? [0, 0, 1];
  return [tangent, turned(up, tangent, angle)];
}

const FLAT = 1e-3; // of the square of its length, the area that a curve encloses when it has a plane of its own

/** The direction that the surface of a curve runs along: square to the plane it lies in most. */
export function direction(path: Path, angle: number): Vector {
  const { positions } = path;
  const [first, last] = [positions[0], positions.at(-1)];
  if (!first || !last) return [0, 0, 1];
  const area = positions.reduce<Vector>(
    (sum, here, index) => plus(sum, cross(minus(positions[index - 1] ?? here, first), minus(here, first))),
    [0, 0, 0],
  );
  const planar = Math.hypot(...area) > FLAT * path.length ** 2;
  const normal = planar ? unit(area) : (path.ups[0] ?? [0, 0, 1]);
  const straight = scaled(normal, looksUp(normal) ? 1 : -1);
  const axis = unit(minus(last, first));
  const along = scaled(axis, dot(straight, axis));
  return plus(along, turned(minus(straight, along), axis, angle));
}

/** To the head, else to the front, else to the left. */
function looksUp([x, y, z]: Vector): boolean {
  if (Math.abs(z) > 0.1) return z > 0;
  return Math.abs(y) > 0.1 ? y < 0 : x > 0;
}

/** Undefined where the curve runs along the direction, so that its surface has no breadth. */
export function stretched(path: Path, margin: number, angle: number): Sheet | undefined {
  const { positions, step } = path;
  const runs = direction(path, angle);
  const heights = positions.map((point) => dot(point, runs));
  const [lowest, highest] = heights.reduce(([low, high], one) => [Math.min(low, one), Math.max(high, one)], [Infinity, -Infinity]);
  const flat = positions.map((point, index) => minus(point, scaled(runs, heights[index] ?? 0)));
  const lengths: number[] = [];
  for (const [index, point] of flat.entries()) {
    lengths.push((lengths[index - 1] ?? 0) + Math.hypot(...minus(point, flat[index - 1] ?? point)));
  }
  const breadth = lengths.at(-1) ?? 0;
  if (breadth < 2 * step) return undefined;
  const middle = (lowest + highest) / 2;
  const centres = resampled(flat, lengths, Math.floor(breadth / step + 1e-9) + 1, step);
  let piece = 0;
  const columns = centres.map((centre, index) => {
    while (piece < lengths.length - 2 && (lengths[piece + 1] ?? Infinity) < index * step) piece += 1;
    const [low, high] = [lengths[piece] ?? 0, lengths[piece + 1] ?? 0];
    const exact = piece + (high > low ? Math.min(1, (index * step - low) / (high - low)) : 0);
    const height = valueAlong(heights, exact);
    const forward = unit(minus(centres[index + 1] ?? centre, centres[index - 1] ?? centre));
    return {
      centre: plus(centre, scaled(runs, middle)),
      down: scaled(runs, -1),
      through: cross(forward, runs),
      along: exact * step,
      below: middle - height,
    };
  });
  return { columns, rows: rowsFor(highest - lowest + margin, step), step };
}

function valueAlong(values: readonly number[], exact: number): number {
  const low = Math.min(Math.floor(exact), Math.max(0, values.length - 2));
  const from = values[low] ?? 0;
  return from + (exact - low) * ((values[low + 1] ?? from) - from);
}

/** Square to the curve at a place along it; what is up there is up in the picture of the form. */
export function section(path: Path, along: number, form: Form, width: number, angle: number): Sheet {
  const index = indexAlong(path, along);
  const [tangent, straight] = across(path, index, angle);
  const flattened = form === "stretched" ? squareTo(direction(path, angle), tangent) : undefined;
  const up = flattened ?? straight;
  const right = cross(tangent, up);
  const centre = path.positions[index] ?? [0, 0, 0];
  const size = rowsFor(width, path.step);
  const columns = Array.from({ length: size }, (_, column) => ({
    centre: plus(centre, scaled(right, (column - (size - 1) / 2) * path.step)),
    down: scaled(up, -1),
    through: tangent,
    along: index * path.step,
    below: 0,
  }));
  return { columns, rows: size, step: path.step };
}

function squareTo(wanted: Vector, tangent: Vector): Vector | undefined {
  const rest = minus(wanted, scaled(tangent, dot(wanted, tangent)));
  return Math.hypot(...rest) > 1e-3 ? unit(rest) : undefined;
}

/** The point of the patient at a column and row of a sheet, with fractions. */
export function pointOn({ columns, rows, step }: Sheet, column: number, row: number): Vector {
  const low = Math.max(0, Math.min(Math.floor(column), columns.length - 2));
  const at = (index: number): Vector | undefined => {
    const one = columns[index];
    return one && plus(one.centre, scaled(one.down, (row - (rows - 1) / 2) * step));
  };
  const from: Vector = at(low) ?? [0, 0, 0];
  return mixed(from, at(low + 1) ?? from, column - low);
}
