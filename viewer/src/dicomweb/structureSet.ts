/** Structure sets of radiotherapy (PS3.3 A.19, C.8.8.5, C.8.8.6): outlines in the patient's coordinates. */

import { plainColour, type Rgb } from "@/dicomweb/colour";
import { cross, dot, minus, type Vector } from "@/dicomweb/geometry";
import { items, number, numbers, Tag, text, type Dataset } from "@/dicomweb/json";
import { FRAME_OF_REFERENCE_UID, type Part } from "@/dicomweb/segmentation";

/** One outline; points as x, y, z in mm. */
export interface Contour {
  readonly type: "closed" | "open" | "point";
  readonly points: Float64Array;
  /** Of its plane; undefined where three points make none. */
  readonly normal: Vector | undefined;
}

export interface Structure extends Part {
  readonly contours: readonly Contour[];
  /** Between the planes of its outlines, mm; 0 when there is one alone. */
  readonly gap: number;
}

export interface StructureSet {
  readonly sopInstanceUid: string;
  readonly label: string;
  readonly frameOfReferenceUid: string;
  readonly referencedSeries: readonly string[];
  readonly parts: readonly Structure[];
  /** Outlines that are too long for the metadata were left out of it. */
  readonly left: number;
}

const STRUCTURE_SET_LABEL = "30060002";
const REFERENCED_FRAME_OF_REFERENCE_SEQUENCE = "30060010";
const RT_REFERENCED_STUDY_SEQUENCE = "30060012";
const RT_REFERENCED_SERIES_SEQUENCE = "30060014";
const STRUCTURE_SET_ROI_SEQUENCE = "30060020";
const ROI_NUMBER = "30060022";
const REFERENCED_FRAME_OF_REFERENCE_UID = "30060024";
const ROI_NAME = "30060026";
const ROI_DISPLAY_COLOR = "3006002A";
const ROI_CONTOUR_SEQUENCE = "30060039";
const CONTOUR_SEQUENCE = "30060040";
const CONTOUR_GEOMETRIC_TYPE = "30060042";
const CONTOUR_DATA = "30060050";
const RT_ROI_OBSERVATIONS_SEQUENCE = "30060080";
const REFERENCED_ROI_NUMBER = "30060084";
const RT_ROI_INTERPRETED_TYPE = "300600A4";
const SAME_PLANE_MM = 1e-3;

export function isStructureSet(dataset: Dataset): boolean {
  return STRUCTURE_SET_ROI_SEQUENCE in dataset;
}

export function structureSetOf(dataset: Dataset): StructureSet | undefined {
  if (!isStructureSet(dataset)) return undefined;
  const spaces = items(dataset, REFERENCED_FRAME_OF_REFERENCE_SEQUENCE);
  const rois = items(dataset, STRUCTURE_SET_ROI_SEQUENCE);
  const outlines = new Map(items(dataset, ROI_CONTOUR_SEQUENCE).map((one) => [number(one, REFERENCED_ROI_NUMBER), one]));
  const kinds = new Map(
    items(dataset, RT_ROI_OBSERVATIONS_SEQUENCE).map((one) => [number(one, REFERENCED_ROI_NUMBER), text(one, RT_ROI_INTERPRETED_TYPE)]),
  );
  let left = 0;
  const parts = rois.map((roi, index): Structure => {
    const own = number(roi, ROI_NUMBER) ?? index + 1;
    const outline = outlines.get(own);
    const all = outline ? items(outline, CONTOUR_SEQUENCE) : [];
    const contours = all.map(contourOf).filter((contour) => contour !== undefined);
    left += all.length - contours.length;
    return {
      number: own,
      label: text(roi, ROI_NAME) || String(own),
      colour: (outline && colourOf(outline)) ?? plainColour(own),
      detail: kinds.get(own) ?? "",
      contours,
      gap: gapOf(contours),
    };
  });
  return {
    sopInstanceUid: text(dataset, Tag.SOPInstanceUID),
    label: text(dataset, STRUCTURE_SET_LABEL),
    frameOfReferenceUid: spaces.map((one) => text(one, FRAME_OF_REFERENCE_UID)).find((uid) => uid !== "") ?? roiSpace(rois),
    referencedSeries: spaces
      .flatMap((space) => items(space, RT_REFERENCED_STUDY_SEQUENCE))
      .flatMap((study) => items(study, RT_REFERENCED_SERIES_SEQUENCE))
      .map((series) => text(series, Tag.SeriesInstanceUID)),
    parts,
    left,
  };
}

function roiSpace(rois: readonly Dataset[]): string {
  return rois.map((roi) => text(roi, REFERENCED_FRAME_OF_REFERENCE_UID)).find((uid) => uid !== "") ?? "";
}

function colourOf(outline: Dataset): Rgb | undefined {
  const [r, g, b] = numbers(outline, ROI_DISPLAY_COLOR);
  return r === undefined || g === undefined || b === undefined ? undefined : [r, g, b];
}

function contourOf(dataset: Dataset): Contour | undefined {
  const values = numbers(dataset, CONTOUR_DATA);
  if (values.length < 3) return undefined;
  const points = Float64Array.from(values.slice(0, values.length - (values.length % 3)));
  const named = text(dataset, CONTOUR_GEOMETRIC_TYPE);
  const closed = named.startsWith("CLOSED") && points.length >= 9;
  return { type: named === "POINT" || points.length === 3 ? "point" : closed ? "closed" : "open", points, normal: normalOf(points) };
}

export function pointAt(points: Float64Array, index: number): Vector {
  return [points[3 * index] ?? 0, points[3 * index + 1] ?? 0, points[3 * index + 2] ?? 0];
}

/** By Newell: of all points, so that three on a line do no harm. */
function normalOf(points: Float64Array): Vector | undefined {
  const start = pointAt(points, 0);
  let sum: Vector = [0, 0, 0];
  for (let index = 1; index + 1 < points.length / 3; index += 1) {
    const [x, y, z] = cross(minus(pointAt(points, index), start), minus(pointAt(points, index + 1), start));
    sum = [sum[0] + x, sum[1] + y, sum[2] + z];
  }
  const length = Math.hypot(...sum);
  return length > 1e-9 ? [sum[0] / length, sum[1] / length, sum[2] / length] : undefined;
}

function gapOf(contours: readonly Contour[]): number {
  const axis = contours.find(({ normal }) => normal)?.normal;
  if (!axis) return 0;
  const places = contours.map(({ points }) => dot(pointAt(points, 0), axis)).toSorted((a, b) => a - b);
  const gaps = places.slice(1).map((place, index) => place - (places[index] ?? 0)).filter((gap) => gap > SAME_PLANE_MM);
  return gaps.length > 0 ? Math.min(...gaps) : 0;
}
