/** The values of a volume on a sheet through it, alone or of a slab around it. */

import { dot, type Vector } from "@/dicomweb/geometry";
import { axisOf, indexAt, interpolated, type Voxels } from "@/viewport/sampling";
import type { Sheet, SlabMode } from "@/viewport/volumeContract";

const EDGE = 1e-3; // of a voxel: two series round their places each in its own way, and the outermost slice is one of both

export interface SheetSlab {
  /** Millimetres through the sheet; 0: the sheet alone. */
  readonly mm: number;
  readonly mode: SlabMode;
}

/** One value folded into what was found before; and the end of it. */
const FOLDS: Readonly<Record<SlabMode, (found: number, value: number) => number>> = {
  maximum: (found, value) => (value > found ? value : found),
  minimum: (found, value) => (value < found ? value : found),
  average: (found, value) => found + value,
};

/** A direction of the patient in voxels for each mm. */
function inVoxels(voxels: Voxels, direction: Vector): Vector {
  const along = (axis: 0 | 1 | 2): number => dot(direction, axisOf(voxels, axis)) / voxels.spacing[axis];
  return [along(0), along(1), along(2)];
}

/** Row after row; not a number where the sheet leaves the volume. Of a slab, what of it lies in the volume. */
export function valuesOn(voxels: Voxels, { columns, rows, step }: Sheet, { mm, mode }: SheetSlab): Float32Array {
  const found = new Float32Array(columns.length * rows);
  const deep = mm > 0 ? Math.max(1, Math.round(mm / 2 / step)) : 0; // samples on each side
  const fold = FOLDS[mode];
  for (const [column, { centre, down, through }] of columns.entries()) {
    const [x, y, z] = indexAt(voxels, centre);
    const [dx, dy, dz] = inVoxels(voxels, down);
    const [tx, ty, tz] = inVoxels(voxels, through);
    for (let row = 0; row < rows; row += 1) {
      const below = (row - (rows - 1) / 2) * step;
      let [value, count] = [NaN, 0];
      for (let layer = -deep; layer <= deep; layer += 1) {
        const away = layer * step;
        const one = interpolated(voxels, x + below * dx + away * tx, y + below * dy + away * ty, z + below * dz + away * tz, EDGE);
        if (one !== one) continue;
        value = count === 0 ? one : fold(value, one);
        count += 1;
      }
      found[row * columns.length + column] = mode === "average" && count > 1 ? value / count : value;
    }
  }
  return found;
}
