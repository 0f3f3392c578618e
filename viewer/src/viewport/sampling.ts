/** Values of a volume on a plane through it: between voxels linear in every direction, as the picture shows them. */

import { cross, dot, minus, type Vector } from "@/dicomweb/geometry";

/** Lengths in mm, directions in the patient (LPS); values columns first. */
export interface Voxels {
  readonly dimensions: Vector;
  readonly spacing: Vector;
  readonly origin: Vector;
  readonly direction: readonly number[];
  readonly values: ArrayLike<number>;
}

const ALONG = 0.9999; // cosine: a plane that is one of voxels
const EDGE = 1e-6; // of a voxel: what rounding may lose

/** Direction of columns (0), rows (1) or slices (2). */
export function axisOf({ direction }: Pick<Voxels, "direction">, axis: number): Vector {
  return [direction[3 * axis] ?? 0, direction[3 * axis + 1] ?? 0, direction[3 * axis + 2] ?? 0];
}

/** Where a point of the patient lies among the voxels: column, row, slice, with fractions. */
export function indexAt(voxels: Voxels, point: Vector): Vector {
  const from = minus(point, voxels.origin);
  const along = (axis: 0 | 1 | 2): number => dot(from, axisOf(voxels, axis)) / voxels.spacing[axis];
  return [along(0), along(1), along(2)];
}

/** The value at fractions of voxels; undefined beyond the centres of the outermost. */
export function valueAt(voxels: Voxels, [column, row, slice]: Vector): number | undefined {
  const value = interpolated(voxels, column, row, slice);
  return Number.isNaN(value) ? undefined : value;
}

/** The value of the voxel nearest to a point of the patient; undefined outside. */
export function nearestValue(voxels: Voxels, point: Vector): number | undefined {
  const [column, row, slice] = indexAt(voxels, point);
  return valueAt(voxels, [Math.round(column), Math.round(row), Math.round(slice)]);
}

/** As `valueAt`, not a number outside: nothing is made on the way, pictures ask it for every pixel. */
export function interpolated({ dimensions: [columns, rows, slices], values }: Voxels, column: number, row: number, slice: number, edge = EDGE): number {
  if (!(column >= -edge && column <= columns - 1 + edge)) return NaN;
  if (!(row >= -edge && row <= rows - 1 + edge)) return NaN;
  if (!(slice >= -edge && slice <= slices - 1 + edge)) return NaN;
  const [x, y, z] = [lowOf(column, columns), lowOf(row, rows), lowOf(slice, slices)];
  const right = Math.min(1, Math.max(0, column - x));
  const down = Math.min(1, Math.max(0, row - y));
  const deep = Math.min(1, Math.max(0, slice - z));
  const near = (z * rows + y) * columns + x;
  const plane = (at: number): number => {
    const above = line(values, at, right);
    return down > 0 ? above + down * (line(values, at + columns, right) - above) : above;
  };
  const front = plane(near);
  return deep > 0 ? front + deep * (plane(near + rows * columns) - front) : front;
}

/** The voxel before, of which there is always one after it where there are two at all. */
function lowOf(index: number, length: number): number {
  return Math.max(0, Math.min(Math.floor(index), length - 2));
}

function line(values: ArrayLike<number>, at: number, share: number): number {
  const value = values[at] ?? 0;
  return share > 0 ? value + share * ((values[at + 1] ?? 0) - value) : value;
}

/** What is enclosed on a plane. */
export interface Region {
  /** Of the plane. */
  readonly normal: Vector;
  /** In the plane; where no axis of the volume lies in it, samples stand in rows along this one. */
  readonly right: Vector;
  /** Points around which nothing of it lies outside. */
  readonly corners: readonly Vector[];
  contains(point: Vector): boolean;
}

export interface RegionValues {
  readonly count: number;
  readonly mean: number;
  /** Of the values as the whole, not as a sample of more. */
  readonly stdDev: number;
  readonly min: number;
  readonly max: number;
}

interface Grid {
  readonly axes: readonly [Vector, Vector];
  readonly steps: readonly [number, number];
}

/** Where samples are taken: on a plane of voxels at each of them, on any other as far apart as the nearest voxels are. */
function gridOf(voxels: Voxels, { normal, right }: Region): Grid {
  const axes = [0, 1, 2].map((axis) => axisOf(voxels, axis)) as [Vector, Vector, Vector];
  const across = axes.findIndex((axis) => Math.abs(dot(axis, normal)) > ALONG);
  if (across < 0) {
    const step = Math.min(...voxels.spacing);
    return { axes: [right, cross(normal, right)], steps: [step, step] };
  }
  const [one, other] = [(across + 1) % 3, (across + 2) % 3] as [0 | 1 | 2, 0 | 1 | 2];
  return { axes: [axes[one], axes[other]], steps: [voxels.spacing[one], voxels.spacing[other]] };
}

/** The values in a region, and how many of its samples lie `outside`; undefined where none lies in the volume. */
export function valuesIn(voxels: Voxels, region: Region): (RegionValues & { readonly outside: number }) | undefined {
  const [first] = region.corners;
  if (!first) return undefined;
  const { axes, steps } = gridOf(voxels, region);
  // Counted from the first voxel, so that samples of the planes of voxels are voxels.
  const ends = axes.map((axis, which) => {
    const along = region.corners.map((corner) => dot(minus(corner, voxels.origin), axis) / (steps[which] ?? 1));
    return [Math.ceil(Math.min(...along) - EDGE), Math.floor(Math.max(...along) + EDGE)] as const;
  });
  const [[fromA, toA], [fromB, toB]] = ends as [readonly [number, number], readonly [number, number]];
  const base = planeOrigin(voxels.origin, first, axes);
  let [count, outside, sum, squares, min, max] = [0, 0, 0, 0, Infinity, -Infinity];
  for (let b = fromB; b <= toB; b += 1) {
    for (let a = fromA; a <= toA; a += 1) {
      const point: Vector = [0, 1, 2].map(
        (axis) => (base[axis] ?? 0) + a * steps[0] * (axes[0][axis] ?? 0) + b * steps[1] * (axes[1][axis] ?? 0),
      ) as unknown as Vector;
      if (!region.contains(point)) continue;
      const value = valueAt(voxels, indexAt(voxels, point));
      if (value === undefined) {
        outside += 1;
        continue;
      }
      // Welford: no digits are lost where values are large and alike
      count += 1;
      const away = value - sum;
      sum += away / count;
      squares += away * (value - sum);
      if (value < min) min = value;
      if (value > max) max = value;
    }
  }
  return count === 0 ? undefined : { count, outside, mean: sum, stdDev: Math.sqrt(squares / count), min, max };
}

/** The point of the plane through `on` that lies straight above `origin`. */
function planeOrigin(origin: Vector, on: Vector, [one, other]: readonly [Vector, Vector]): Vector {
  const normal = cross(one, other);
  const distance = dot(minus(on, origin), normal);
  return [origin[0] + distance * normal[0], origin[1] + distance * normal[1], origin[2] + distance * normal[2]];
}

function between(a: Vector, b: Vector): Vector {
  return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2, (a[2] + b[2]) / 2];
}

function unit(a: Vector): { readonly length: number; readonly direction: Vector } {
  const length = Math.hypot(...a);
  return { length, direction: length > 0 ? [a[0] / length, a[1] / length, a[2] / length] : [0, 0, 0] };
}

type Shape = Pick<Region, "corners" | "contains"> & { readonly area: number };

/** Four corners, the second and third beside the first. */
export function rectangle([a, b, c, d]: readonly Vector[]): Shape | undefined {
  if (!a || !b || !c || !d) return undefined;
  const [wide, high] = [unit(minus(b, a)), unit(minus(c, a))];
  const contains = (point: Vector): boolean => {
    const from = minus(point, a);
    const [x, y] = [dot(from, wide.direction), dot(from, high.direction)];
    return x >= -EDGE && x <= wide.length + EDGE && y >= -EDGE && y <= high.length + EDGE;
  };
  return { corners: [a, b, c, d], contains, area: wide.length * high.length };
}

/** The ends of both axes. */
export function ellipse([bottom, top, left, right]: readonly Vector[]): Shape | undefined {
  if (!bottom || !top || !left || !right) return undefined;
  const [high, wide] = [unit(minus(bottom, top)), unit(minus(right, left))];
  const centre = between(left, right);
  const contains = (point: Vector): boolean => {
    const from = minus(point, centre);
    const [x, y] = [(2 * dot(from, wide.direction)) / wide.length, (2 * dot(from, high.direction)) / high.length];
    return x * x + y * y <= 1 + EDGE;
  };
  const corner = (across: number, down: number): Vector =>
    [0, 1, 2].map(
      (axis) =>
        (centre[axis] ?? 0) +
        (across * wide.length * (wide.direction[axis] ?? 0)) / 2 +
        (down * high.length * (high.direction[axis] ?? 0)) / 2,
    ) as unknown as Vector;
  const corners = [corner(-1, -1), corner(1, -1), corner(-1, 1), corner(1, 1)];
  return { corners, contains, area: (Math.PI / 4) * wide.length * high.length };
}

/** A closed line; where it crosses itself, what is enclosed an odd number of times. */
export function polygon(points: readonly Vector[], normal: Vector, right: Vector): Shape | undefined {
  const [first] = points;
  if (!first || points.length < 3) return undefined;
  const down = cross(normal, right);
  const flat = points.map((point) => [dot(minus(point, first), right), dot(minus(point, first), down)] as const);
  const contains = (point: Vector): boolean => {
    const [x, y] = [dot(minus(point, first), right), dot(minus(point, first), down)];
    let inside = false;
    for (const [index, [x1, y1]] of flat.entries()) {
      const [x2, y2] = flat[(index + 1) % flat.length] ?? [0, 0];
      if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) inside = !inside;
    }
    return inside;
  };
  const twice = flat.reduce((sum, [x1, y1], index) => {
    const [x2, y2] = flat[(index + 1) % flat.length] ?? [0, 0];
    return sum + x1 * y2 - x2 * y1;
  }, 0);
  return { corners: points, contains, area: Math.abs(twice) / 2 };
}
