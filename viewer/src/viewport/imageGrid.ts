/** Where the pixels of an image lie in Cornerstone's world. */

import type { Frame } from "@/dicomweb/frames";
import { dot, minus, vector, type Vector } from "@/dicomweb/geometry";
import { numbers, Tag } from "@/dicomweb/json";
import type { ImagePoint } from "@/dicomweb/measured";
import { spacingOf } from "@/dicomweb/spacing";

/** Images that do not say where they are begin at the origin; lengths in mm, or in widths of a pixel. */
export interface Grid {
  readonly origin: Vector;
  readonly row: Vector;
  readonly column: Vector;
  readonly beside: number;
  readonly between: number;
}

export function gridOf({ dataset }: Frame): Grid {
  const cosines = numbers(dataset, Tag.ImageOrientationPatient);
  const known = cosines.length === 6;
  const spacing = spacingOf(dataset);
  return {
    origin: vector(numbers(dataset, Tag.ImagePositionPatient)) ?? [0, 0, 0],
    row: (known && vector(cosines)) || [1, 0, 0],
    column: (known && vector(cosines, 3)) || [0, 1, 0],
    beside: spacing.column,
    between: spacing.row,
  };
}

/** The corner of the first pixel is (0, 0), and its middle the origin of the world. */
export function toImage(grid: Grid, world: readonly number[]): ImagePoint {
  const from = minus([world[0] ?? 0, world[1] ?? 0, world[2] ?? 0], grid.origin);
  return [dot(from, grid.row) / grid.beside + 0.5, dot(from, grid.column) / grid.between + 0.5];
}

export function toWorld(grid: Grid, [column, row]: ImagePoint): [number, number, number] {
  const [right, down] = [(column - 0.5) * grid.beside, (row - 0.5) * grid.between];
  const at = (axis: 0 | 1 | 2): number => grid.origin[axis] + grid.row[axis] * right + grid.column[axis] * down;
  return [at(0), at(1), at(2)];
}
