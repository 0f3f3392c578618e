/** Figures of regions drawn on planes. Cornerstone's own take voxels beside the plane in; these are of what is shown. */

import {
  EllipticalROITool,
  PlanarFreehandROITool,
  RectangleROITool,
  type AnnotationTool,
  type Types,
} from "@cornerstonejs/tools";

import { cross, type Vector } from "@/dicomweb/geometry";
import { ellipse, polygon, rectangle, valuesIn, type RegionValues, type Voxels } from "@/viewport/sampling";
import { voxelsOf } from "@/viewport/volumeData";

type Drawn = Types.Annotation;
type Shape = ReturnType<typeof rectangle>;

function vectors(points: readonly unknown[] | undefined): Vector[] {
  return (points ?? []) as Vector[];
}

type Outline = (drawn: Drawn, normal: Vector, right: Vector) => Shape;

const OUTLINES: Readonly<Record<string, Outline>> = {
  [RectangleROITool.toolName]: ({ data }) => rectangle(vectors(data.handles?.points)),
  [EllipticalROITool.toolName]: ({ data }) => ellipse(vectors(data.handles?.points)),
  [PlanarFreehandROITool.toolName]: ({ data }, normal, right) =>
    polygon(vectors((data as { contour?: { polyline?: unknown[] } }).contour?.polyline), normal, right),
};

/** Area in mm², and the values where it lies in the volume; undefined for what encloses nothing. */
export function figuresOf(drawn: Drawn, voxels: Voxels): ({ readonly area: number } & Partial<RegionValues>) | undefined {
  const { toolName, viewPlaneNormal, viewUp } = drawn.metadata as { toolName: string; viewPlaneNormal?: Vector; viewUp?: Vector };
  if (!viewPlaneNormal || !viewUp) return undefined;
  const normal: Vector = [viewPlaneNormal[0], viewPlaneNormal[1], viewPlaneNormal[2]];
  const right = cross([viewUp[0], viewUp[1], viewUp[2]], normal);
  const shape = OUTLINES[toolName]?.(drawn, normal, right);
  return shape && { area: shape.area, ...valuesIn(voxels, { ...shape, normal, right }) };
}

function calculate(drawn: Drawn): void {
  const cachedStats = drawn.data.cachedStats as Record<string, unknown>;
  for (const targetId of Object.keys(cachedStats)) {
    const voxels = voxelsOf(targetId);
    if (voxels) cachedStats[targetId] = { ...figuresOf(drawn, voxels), areaUnit: "mm²", unit: "mm" };
  }
  drawn.invalidated = false;
}

/** Let a tool keep the figures of what the plane shows, by its two ways to them. */
export function figureOnPlanes(tool: AnnotationTool, toolName: string): void {
  if (OUTLINES[toolName]) Object.assign(tool, { _calculateCachedStats: calculate, _throttledCalculateCachedStats: calculate });
}
