/** Figures of regions drawn on planes. Cornerstone's own take voxels beside the plane in; these are of what is shown. */

import {
  EllipticalROITool,
  PlanarFreehandROITool,
  ProbeTool,
  RectangleROITool,
  type AnnotationTool,
  type Types,
} from "@cornerstonejs/tools";

import { cross, type Vector } from "@/dicomweb/geometry";
import { ellipse, indexAt, polygon, rectangle, valueAt, valuesIn, type RegionValues, type Voxels } from "@/viewport/sampling";
import { voxelsOf, type VoxelVolume } from "@/viewport/volumeData";

type Drawn = Types.Annotation;
type Shape = ReturnType<typeof rectangle>;

function vectors(points: readonly unknown[] | undefined): Vector[] {
  return (points ?? []) as Vector[];
}

type Outline = (points: readonly Vector[], normal: Vector, right: Vector) => Shape;

const OUTLINES: Readonly<Record<string, Outline>> = {
  [RectangleROITool.toolName]: rectangle,
  [EllipticalROITool.toolName]: ellipse,
  [PlanarFreehandROITool.toolName]: polygon,
};

/** Whether a tool of this name encloses a region. */
export function enclosesRegion(toolName: string): boolean {
  return OUTLINES[toolName] !== undefined;
}

/** The outline of what was drawn, its points seen as `flat` sees them; undefined for what encloses nothing. */
export function outlineOf({ data, metadata }: Drawn, flat: (point: Vector) => Vector, normal: Vector, right: Vector): Shape {
  const { contour } = data as { contour?: { polyline?: unknown[] } };
  const points = vectors(contour?.polyline ?? data.handles?.points).map(flat);
  return OUTLINES[metadata?.toolName ?? ""]?.(points, normal, right);
}

interface RegionFigures extends Partial<RegionValues> {
  readonly area: number;
  /** A part of it lies beside the volume: the figures are of the rest. */
  readonly partial?: true;
}

/** Area in mm², and the values where it lies in the volume; undefined for what encloses nothing. */
export function figuresOf(drawn: Drawn, voxels: Voxels): RegionFigures | undefined {
  const { viewPlaneNormal, viewUp } = drawn.metadata as { viewPlaneNormal?: Vector; viewUp?: Vector };
  if (!viewPlaneNormal || !viewUp) return undefined;
  const normal: Vector = [viewPlaneNormal[0], viewPlaneNormal[1], viewPlaneNormal[2]];
  const right = cross([viewUp[0], viewUp[1], viewUp[2]], normal);
  const shape = outlineOf(drawn, (point) => point, normal, right);
  if (!shape) return undefined;
  const { outside = 1, ...values } = valuesIn(voxels, { ...shape, normal, right }) ?? { count: 0 };
  if (outside === 0) return { area: shape.area, ...values };
  return { area: (shape.area * values.count) / (values.count + outside), ...values, partial: true };
}

/** The value of the nearest voxel. */
function pointFigures({ data }: Drawn, voxels: Voxels): { readonly value: number | undefined } {
  const [point] = vectors(data.handles?.points);
  const [column, row, slice] = point ? indexAt(voxels, point) : [NaN, NaN, NaN];
  return { value: valueAt(voxels, [Math.round(column), Math.round(row), Math.round(slice)]) };
}

/** Let a tool keep the figures of what the plane shows, and of what lies over it, by its two ways to them. */
export function figureOnPlanes(tool: AnnotationTool, toolName: string, over: () => VoxelVolume | undefined): void {
  const figures = toolName === ProbeTool.toolName ? pointFigures : figuresOf;
  if (figures === figuresOf && !OUTLINES[toolName]) return;
  const calculate = (drawn: Drawn): void => {
    const cachedStats = drawn.data.cachedStats as Record<string, unknown>;
    const above = over();
    for (const targetId of Object.keys(cachedStats)) {
      const voxels = voxelsOf(targetId);
      if (!voxels) continue;
      const beside = above && { over: { ...figures(drawn, above), dataset: above.dataset } };
      cachedStats[targetId] = { ...figures(drawn, voxels), ...beside, areaUnit: "mm²", unit: "mm" };
    }
    drawn.invalidated = false;
  };
  Object.assign(tool, { _calculateCachedStats: calculate, _throttledCalculateCachedStats: calculate });
}
