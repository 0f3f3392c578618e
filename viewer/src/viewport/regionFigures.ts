/** Figures of what is drawn on an ultrasound image: by the axes of the region in which it lies (PS3.3 C.8.5.5). */

import type { Types } from "@cornerstonejs/core";
import { AngleTool, BidirectionalTool, CobbAngleTool, LengthTool, ProbeTool, type Types as ToolTypes } from "@cornerstonejs/tools";

import type { Dataset } from "@/dicomweb/json";
import { isInMillimetres, spacingOf } from "@/dicomweb/spacing";
import { millimetresIn, readingIn, regionAround, spansIn, type AxisFigure, type Unmeasured } from "@/dicomweb/ultrasound";
import { shapeIn } from "@/viewport/timeCurve";

type Place = readonly [number, number];
type Scale = Readonly<Record<"column" | "row", number>>;

/** What is kept beside Cornerstone's own figures. */
export interface RegionStats {
  /** Time, velocity and the like: how far the ends lie apart, or where a point lies. */
  readonly axes?: readonly AxisFigure[];
  /** Why it has no size, or none of its kind. */
  readonly unmeasured?: Unmeasured | "axes";
  readonly [figure: string]: unknown;
}

const ONE_PIXEL: Scale = { column: 1, row: 1 };
const SAME = 1e-3;

function between([a, b]: readonly Place[], { column, row }: Scale): number | undefined {
  return a && b && Math.hypot((b[0] - a[0]) * column, (b[1] - a[1]) * row);
}

/** Sizes of one scale on both axes; `unit` is of lengths. */
function sized(drawn: ToolTypes.Annotation, on: Types.IImageData, places: readonly Place[], scale: Scale, unit: "mm" | "px"): RegionStats {
  const area = shapeIn(drawn, on)?.area;
  if (area !== undefined) return { area: area * scale.column * scale.row, areaUnit: `${unit}²` };
  const [one, other] = [between(places, scale), between(places.slice(2), scale)];
  if (drawn.metadata?.toolName === LengthTool.toolName) return { length: one, unit };
  if (drawn.metadata?.toolName !== BidirectionalTool.toolName || one === undefined || other === undefined) return {};
  return { length: Math.max(one, other), width: Math.min(one, other), unit };
}

function hasAnOtherRatio({ column, row }: Scale, dataset: Dataset): boolean {
  const world = spacingOf(dataset);
  return Math.abs((row * world.column) / (column * world.row) - 1) > SAME;
}

const UNSIZED: RegionStats = { length: undefined, width: undefined, area: undefined, angle: undefined };
const ANGLES = new Set<string>([AngleTool.toolName, CobbAngleTool.toolName]);

/** What holds in the place of Cornerstone's figures; undefined on images without regions, or with a spacing of their own. */
export function figuresByRegion(drawn: ToolTypes.Annotation, on: Types.IImageData, dataset: Dataset): RegionStats | undefined {
  if (isInMillimetres(spacingOf(dataset))) return undefined;
  const { contour } = drawn.data as { contour?: { polyline?: Types.Point3[] } };
  const { worldToIndex } = on.imageData as { worldToIndex(world: Types.Point3): Types.Point3 };
  const places = (contour?.polyline ?? drawn.data.handles?.points ?? []).map((point): Place => {
    const [column, row] = worldToIndex(point);
    return [column, row];
  });
  const toolName = drawn.metadata?.toolName ?? "";
  const region = places.length > 0 ? regionAround(dataset, places) : undefined;
  if (region === undefined) return undefined;
  if (toolName === ProbeTool.toolName) return typeof region === "object" && !region.isSpatial ? { axes: readingIn(region, places[0] ?? [0, 0]) } : {};
  if (typeof region === "string") return ANGLES.has(toolName) ? {} : { ...sized(drawn, on, places, ONE_PIXEL, "px"), unmeasured: region };
  if (region.isSpatial) {
    const scale = millimetresIn(region);
    if (ANGLES.has(toolName)) return hasAnOtherRatio(scale, dataset) ? { ...UNSIZED, unmeasured: "several" } : {};
    return sized(drawn, on, places, scale, "mm");
  }
  const isOfTwoLines = ANGLES.has(toolName) || toolName === BidirectionalTool.toolName;
  return isOfTwoLines ? { ...UNSIZED, unmeasured: "axes" } : { ...UNSIZED, axes: spansIn(region, corners(drawn, on) ?? places) };
}

/** An ellipse has handles at the ends of its axes, a freehand line everywhere: its box. */
function corners(drawn: ToolTypes.Annotation, on: Types.IImageData): Place[] | undefined {
  return shapeIn(drawn, on)?.corners.map(([column, row]): Place => [column, row]);
}
