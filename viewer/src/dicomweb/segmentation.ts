/** Segmentations (PS3.3 A.51, C.8.20): their segments, and where each of their frames lies in the patient. */

import { plainColour, recommendedColour, type Rgb } from "@/dicomweb/colour";
import type { Frame } from "@/dicomweb/frames";
import { cross, dot, vector, type Vector } from "@/dicomweb/geometry";
import { items, number, numbers, Tag, text, type Dataset } from "@/dicomweb/json";

/** One thing that is marked: a segment, or a structure of radiotherapy. */
export interface Part {
  readonly number: number;
  readonly label: string;
  readonly colour: Rgb;
  /** What it is beyond its name, in the object's words. */
  readonly detail: string;
}

/** Centre of the first pixel, directions and distances of columns and rows, mm. */
export interface Grid {
  readonly origin: Vector;
  readonly row: Vector;
  readonly column: Vector;
  readonly normal: Vector;
  readonly columnSpacing: number;
  readonly rowSpacing: number;
}

export interface SegmentationFrame {
  readonly frame: Frame;
  /** Undefined in label maps, whose pixels say it. */
  readonly segment: number | undefined;
  readonly grid: Grid | undefined;
  /** The images that it was drawn on: SOP Instance UID, or UID#frame. */
  readonly sources: readonly string[];
}

export interface Segmentation {
  readonly sopInstanceUid: string;
  readonly type: "BINARY" | "FRACTIONAL" | "LABELMAP";
  /** The value of a pixel that is wholly of the segment. */
  readonly top: number;
  readonly bits: number;
  readonly rows: number;
  readonly columns: number;
  readonly frameOfReferenceUid: string;
  readonly referencedSeries: readonly string[];
  readonly parts: readonly Part[];
  readonly frames: readonly SegmentationFrame[];
  /** How far along the normal a frame speaks for, mm. */
  readonly thickness: number;
}

export const FRAME_OF_REFERENCE_UID = "00200052";
const SEGMENTATION_TYPE = "00620001";
const SEGMENT_SEQUENCE = "00620002";
const SEGMENT_NUMBER = "00620004";
const SEGMENT_LABEL = "00620005";
const SEGMENT_ALGORITHM_NAME = "00620009";
const REFERENCED_SEGMENT_NUMBER = "0062000B";
const MAXIMUM_FRACTIONAL_VALUE = "0062000E";
const SEGMENTED_PROPERTY_TYPE = "0062000F";
const REFERENCED_SERIES_SEQUENCE = "00081115";
const SOURCE_IMAGE_SEQUENCE = "00082112";
const REFERENCED_SOP_INSTANCE_UID = "00081155";
const REFERENCED_FRAME_NUMBER = "00081160";
const SPACING_BETWEEN_SLICES = "00180088";

export function isSegmentation(dataset: Dataset): boolean {
  return SEGMENT_SEQUENCE in dataset;
}

/** The segmentation that these frames of one object make. */
export function segmentationOf(frames: readonly Frame[]): Segmentation | undefined {
  const dataset = frames[0]?.dataset;
  if (!dataset || !isSegmentation(dataset)) return undefined;
  const named = text(dataset, SEGMENTATION_TYPE);
  const type = named === "FRACTIONAL" || named === "LABELMAP" ? named : "BINARY";
  const read = frames.map((frame) => frameOf(frame, type));
  return {
    sopInstanceUid: text(dataset, Tag.SOPInstanceUID),
    type,
    top: type === "FRACTIONAL" ? (number(dataset, MAXIMUM_FRACTIONAL_VALUE) ?? 255) : 1,
    bits: number(dataset, Tag.BitsAllocated) ?? 1,
    rows: number(dataset, Tag.Rows) ?? 0,
    columns: number(dataset, Tag.Columns) ?? 0,
    frameOfReferenceUid: text(dataset, FRAME_OF_REFERENCE_UID),
    referencedSeries: items(dataset, REFERENCED_SERIES_SEQUENCE).map((one) => text(one, Tag.SeriesInstanceUID)),
    parts: items(dataset, SEGMENT_SEQUENCE).map(partOf),
    frames: read,
    thickness: thicknessOf(dataset, read),
  };
}

function partOf(segment: Dataset, index: number): Part {
  const own = number(segment, SEGMENT_NUMBER) ?? index + 1;
  const [type] = items(segment, SEGMENTED_PROPERTY_TYPE);
  const details = [type ? text(type, Tag.CodeMeaning) : "", text(segment, SEGMENT_ALGORITHM_NAME)];
  const label = text(segment, SEGMENT_LABEL) || details[0] || String(own);
  return {
    number: own,
    label,
    colour: recommendedColour(segment) ?? plainColour(own),
    detail: details.filter((detail) => detail !== "" && detail !== label).join(" · "),
  };
}

function frameOf(frame: Frame, type: Segmentation["type"]): SegmentationFrame {
  const { dataset } = frame;
  const sources = items(dataset, SOURCE_IMAGE_SEQUENCE).flatMap((source) => {
    const uid = text(source, REFERENCED_SOP_INSTANCE_UID);
    const named = numbers(source, REFERENCED_FRAME_NUMBER);
    return named.length > 0 ? named.map((one) => `${uid}#${one}`) : [uid];
  });
  return {
    frame,
    segment: type === "LABELMAP" ? undefined : (number(dataset, REFERENCED_SEGMENT_NUMBER) ?? 1),
    grid: gridOf(dataset),
    sources,
  };
}

/** Where an image lies in the patient; undefined when it does not say. */
export function gridOf(dataset: Dataset): Grid | undefined {
  const cosines = numbers(dataset, Tag.ImageOrientationPatient);
  const [row, column] = [vector(cosines), vector(cosines, 3)];
  const origin = vector(numbers(dataset, Tag.ImagePositionPatient));
  const [rowSpacing, columnSpacing] = numbers(dataset, Tag.PixelSpacing);
  if (!row || !column || !origin || !rowSpacing || !columnSpacing) return undefined;
  return { origin, row, column, normal: cross(row, column), columnSpacing, rowSpacing };
}

function thicknessOf(dataset: Dataset, frames: readonly SegmentationFrame[]): number {
  const told = number(dataset, SPACING_BETWEEN_SLICES) || number(dataset, Tag.SliceThickness);
  if (told) return Math.abs(told);
  const places = frames.flatMap(({ grid }) => (grid ? [dot(grid.origin, grid.normal)] : [])).toSorted((a, b) => a - b);
  const gaps = places.slice(1).map((place, index) => place - (places[index] ?? 0)).filter((gap) => gap > 1e-3);
  return gaps.length > 0 ? Math.min(...gaps) : 1;
}
