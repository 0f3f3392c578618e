/** Figures of what is drawn on images of a stack, where Cornerstone's own are missing or in another unit than they say. */

import { cache, type Types } from "@cornerstonejs/core";
import { PlanarFreehandROITool, ProbeTool, utilities, type AnnotationTool, type Types as ToolTypes } from "@cornerstonejs/tools";

import type { Frame } from "@/dicomweb/frames";
import { isInMillimetres, spacingOf } from "@/dicomweb/spacing";
import { frameOf, RENDERED } from "@/viewport/metadata";
import { enclosesRegion } from "@/viewport/planeRegions";
import { figuresByRegion } from "@/viewport/regionFigures";
import { pixelsIn, reader, shapeIn, statistics } from "@/viewport/timeCurve";

type Drawn = ToolTypes.Annotation;
type Stats = Record<string, unknown>;

const ON_IMAGE = "imageId:";
const THROTTLE_MS = 100;
const HALF = 0.5;

const CALCULATE = "_calculateCachedStats";
const THROTTLED = "_throttledCalculateCachedStats";

/** What Cornerstone keeps of a tool, and reads from the viewport that shows the image. */
interface Calculating {
  getTargetImageData(targetId: string): Types.IImageData | undefined;
  [CALCULATE]?(drawn: Drawn, ...more: unknown[]): unknown;
  [THROTTLED]?(drawn: Drawn, ...more: unknown[]): unknown;
}

/** The stored value, of colours all three, of the pixel under a point; none beside the image and of the node's pictures. */
function valueAt({ data }: Drawn, on: Types.IImageData, image: Types.IImage): Stats {
  const [column, row] = pixelAt(on, data.handles?.points?.[0]);
  const inside = column >= 0 && row >= 0 && column < image.columns && row < image.rows;
  if (!inside || image.imageId.startsWith(RENDERED)) return { value: undefined };
  const pixels = image.getPixelData();
  const components = image.color ? pixels.length / (image.rows * image.columns) : 1;
  const first = (row * image.columns + column) * components;
  const values = Array.from(pixels.slice(first, first + Math.min(3, components)));
  return { value: values.length === 1 ? values[0] : values };
}

function pixelAt(on: Types.IImageData, point: Types.Point3 | undefined): readonly [number, number] {
  const index = (on.imageData as { worldToIndex(world: Types.Point3): Types.Point3 }).worldToIndex(point ?? [NaN, NaN, NaN]);
  return [Math.round(index[0]), Math.round(index[1])];
}

function isPixels(unit: unknown): boolean {
  return typeof unit === "string" && unit.startsWith("px");
}

/** Lengths counted in pixels are pixels, whatever a pixel of the world measures. */
function inPixels(stats: Stats, { dataset }: Frame): Stats {
  const { column } = spacingOf(dataset);
  const by = (name: string, power: number): Stats => {
    const value = stats[name];
    return typeof value === "number" ? { [name]: value / column ** power } : {};
  };
  return {
    ...stats,
    ...(isPixels(stats["unit"]) && { ...by("length", 1), ...by("width", 1), ...by("perimeter", 1) }),
    ...(isPixels(stats["areaUnit"]) && by("area", 2)),
  };
}

/** What one pixel measures; in regions of ultrasound each has its own (`regionFigures.ts`). */
function pixelArea({ dataset }: Frame): { readonly size: number; readonly areaUnit: string } {
  const spacing = spacingOf(dataset);
  return isInMillimetres(spacing) ? { size: spacing.row * spacing.column, areaUnit: "mm²" } : { size: 1, areaUnit: "px²" };
}

/** Where Cornerstone's figures of a region do not hold: beyond the image there is nothing, and the freehand's area has another unit. */
function regionFigures(drawn: Drawn, on: Types.IImageData, image: Types.IImage, frame: Frame, isFreehand: boolean): Stats | undefined {
  const shape = shapeIn(drawn, on);
  if (!shape) return undefined;
  const along = (axis: 0 | 1): number[] => shape.corners.map((corner) => corner[axis]);
  const box = [Math.min(...along(0)), Math.min(...along(1)), Math.max(...along(0)), Math.max(...along(1))] as const;
  const [columns, rows] = on.dimensions;
  const partial = box[0] < -HALF || box[1] < -HALF || box[2] > columns - HALF || box[3] > rows - HALF;
  const { size, areaUnit } = pixelArea(frame);
  if (!partial) return isFreehand ? { area: shape.area * size, areaUnit } : undefined;
  const pixels = pixelsIn(drawn, on) ?? [];
  const values = image.color || pixels.length === 0 ? {} : statistics(pixels.map(reader(image)));
  return { ...values, area: pixels.length * size, areaUnit, partial };
}

/** Let a tool of a stack's hand keep figures which are true of the image, by both its ways to them. */
export function figureOnStacks(tool: AnnotationTool, toolName: string): void {
  const kept = tool as unknown as Calculating;
  const original = kept[CALCULATE]?.bind(tool);
  if (!original) return;
  const isFreehand = toolName === PlanarFreehandROITool.toolName;
  const calculate = (drawn: Drawn, ...more: unknown[]): unknown => {
    if (toolName !== ProbeTool.toolName) original(drawn, ...more);
    const stats = drawn.data.cachedStats as Record<string, Stats | undefined>;
    for (const targetId of Object.keys(stats)) {
      const imageId = targetId.startsWith(ON_IMAGE) ? targetId.slice(ON_IMAGE.length) : "";
      const [frame, image, on] = [frameOf(imageId), cache.getImage(imageId), kept.getTargetImageData(targetId)];
      if (!frame || !image || !on) continue;
      const byRegion = figuresByRegion(drawn, on, frame.dataset);
      if (toolName === ProbeTool.toolName) stats[targetId] = { ...valueAt(drawn, on, image), ...byRegion };
      else {
        const own = enclosesRegion(toolName) ? regionFigures(drawn, on, image, frame, isFreehand) : undefined;
        const truer = own?.["partial"] === true ? { ...byRegion, ...own } : { ...own, ...byRegion };
        stats[targetId] = { ...inPixels(stats[targetId] ?? {}, frame), ...truer };
      }
    }
    drawn.invalidated = false;
    return stats;
  };
  kept[CALCULATE] = calculate;
  kept[THROTTLED] = utilities.throttle(calculate, THROTTLE_MS, { trailing: true }) as typeof calculate;
}
