/** Where a plane, or a slab about it, goes through a volume: beyond that there is nothing to be seen. */

import { cross, dot, minus, type Vector, type VolumeGeometry } from "@/dicomweb/geometry";
import { extent, SIDES } from "@/model/nodePlane";
import type { PlaneName } from "@/viewport/volumeContract";

type Place = readonly [number, number];

/** The eight outer corners, by the axes whose end they are at: of voxels, not of their middles. */
function cornersOf({ origin, dimensions, spacing, direction }: VolumeGeometry): readonly Vector[] {
  return [0, 1, 2, 3, 4, 5, 6, 7].map((corner) => {
    const ends = [0, 1, 2].map((along) => ((corner & (1 << along) ? (dimensions[along] ?? 1) : 0) - 0.5) * (spacing[along] ?? 0));
    return [0, 1, 2].map((axis) => (origin[axis] ?? 0) + ends.reduce((sum, length, along) => sum + length * (direction[3 * along + axis] ?? 0), 0)) as unknown as Vector;
  });
}

/** Corner points of the shape that is cut out, mm to the right and down from the middle of the volume. `halfMm`: of the slab's thickness. */
export function planeOutline(volume: VolumeGeometry, plane: PlaneName, at: Vector, halfMm = 0): readonly Place[] {
  const { right, down } = SIDES[plane];
  const normal = cross(right, down);
  const { middle } = extent(volume);
  const corners = cornersOf(volume);
  const depths = corners.map((corner) => dot(minus(corner, at), normal));
  const cut: Vector[] = corners.filter((_, index) => Math.abs(depths[index] ?? Infinity) <= halfMm);
  for (const side of halfMm > 0 ? [-halfMm, halfMm] : [0]) {
    for (const [index, from] of corners.entries()) {
      for (const bit of [1, 2, 4]) {
        const to = corners[index | bit];
        const [near = 0, far = 0] = [depths[index], depths[index | bit]];
        if (index & bit || !to || (near - side) * (far - side) > 0 || near === far) continue;
        const share = (side - near) / (far - near);
        cut.push([0, 1, 2].map((axis) => (from[axis] ?? 0) + share * ((to[axis] ?? 0) - (from[axis] ?? 0))) as unknown as Vector);
      }
    }
  }
  return hull(cut.map((point) => [dot(minus(point, middle), right), dot(minus(point, middle), down)]));
}

function turn([ax, ay]: Place, [bx, by]: Place, [cx, cy]: Place): number {
  return (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
}

/** The smallest convex shape around the points, by the monotone chain of Andrew. */
function hull(points: readonly Place[]): readonly Place[] {
  const sorted = points.toSorted(([ax, ay], [bx, by]) => ax - bx || ay - by);
  const chain = (from: readonly Place[]): Place[] => {
    const made: Place[] = [];
    for (const point of from) {
      for (let [before, last] = made.slice(-2); before && last && turn(before, last, point) <= 0; [before, last] = made.slice(-2)) made.pop();
      made.push(point);
    }
    return made.slice(0, -1);
  };
  return [...chain(sorted), ...chain(sorted.toReversed())];
}
