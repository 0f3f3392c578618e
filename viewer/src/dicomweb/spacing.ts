/** What a distance between pixels means: millimetres in the patient, at the detector, or nothing (PS3.3 10.7.1.3). */

import { items, number, numbers, Tag, text, type Dataset } from "@/dicomweb/json";

/**
 * `patient`: Pixel Spacing of a cross-section; `calibrated`: Pixel Spacing of a projection with its calibration told;
 * `magnified`: Imager Pixel Spacing divided by the estimated magnification; `detector`: what a projection measures at its
 * receptor, larger than in the patient; `region`: ultrasound regions, each with its own; `none`: only the ratio is known.
 */
export type SpacingBasis = "patient" | "calibrated" | "magnified" | "detector" | "region" | "none";

export interface Spacing {
  /** Between the centres of neighbouring rows, in mm unless the basis is `none`. */
  readonly row: number;
  readonly column: number;
  readonly basis: SpacingBasis;
}

const PIXEL_SPACING_CALIBRATION_TYPE = "00280A02";
const MAGNIFICATION = "00181114";
const NOMINAL_SCANNED_PIXEL_SPACING = "00182010";
const REGIONS = "00186011";
const IMAGE_PLANE_PIXEL_SPACING = "30020011";

const PROJECTIONS = new Set(["CR", "DX", "MG", "IO", "PX", "XA", "RF", "RG", "RTIMAGE"]);
const SAME = 1e-4;

interface Pair {
  readonly row: number;
  readonly column: number;
}

function pair(dataset: Dataset, tag: string): Pair | undefined {
  const [row, column] = numbers(dataset, tag);
  return row !== undefined && column !== undefined && row > 0 && column > 0 ? { row, column } : undefined;
}

function alike(a: Pair, b: Pair): boolean {
  return Math.abs(a.row - b.row) < SAME * a.row && Math.abs(a.column - b.column) < SAME * a.column;
}

/** The spacing of an image and what it is good for. Never a detector's spacing taken for the patient's. */
export function spacingOf(dataset: Dataset): Spacing {
  const own = items(dataset, REGIONS).length > 0 ? undefined : pair(dataset, Tag.PixelSpacing); // one for tissue and time axes alike
  const imager = pair(dataset, Tag.ImagerPixelSpacing) ?? pair(dataset, NOMINAL_SCANNED_PIXEL_SPACING);
  const projection = PROJECTIONS.has(text(dataset, Tag.Modality));
  if (own && (!projection || numbers(dataset, Tag.ImageOrientationPatient).length === 6)) return { ...own, basis: "patient" };
  if (own && (text(dataset, PIXEL_SPACING_CALIBRATION_TYPE) !== "" || (imager && !alike(own, imager)))) {
    return { ...own, basis: "calibrated" };
  }
  const detector = imager ?? own ?? pair(dataset, IMAGE_PLANE_PIXEL_SPACING);
  if (detector) {
    const magnification = number(dataset, MAGNIFICATION) ?? 0;
    if (magnification <= 0) return { ...detector, basis: "detector" };
    return { row: detector.row / magnification, column: detector.column / magnification, basis: "magnified" };
  }
  const region = spatialRegions(dataset)[0];
  if (region) return { row: region.mmPerRow, column: region.mmPerColumn, basis: "region" };
  const { row = 1, column = 1 } = pair(dataset, Tag.PixelAspectRatio) ?? {};
  return { row: row / column, column: 1, basis: "none" };
}

/** Whether a distance in the image is one in the patient. */
export function isMeasured({ basis }: Spacing): boolean {
  return basis === "patient" || basis === "calibrated" || basis === "magnified";
}

/** Whether a distance in the image is one in millimetres, be it those of the detector. */
export function isInMillimetres(spacing: Spacing): boolean {
  return isMeasured(spacing) || spacing.basis === "detector";
}

export interface SpatialRegion {
  /** Columns and rows of the image, inclusive. */
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly mmPerColumn: number;
  readonly mmPerRow: number;
}

const MM_PER_CM = 10;
const CENTIMETRES = 3; // PS3.3 C.8.5.5.1.15
const SPATIAL_FORMATS = new Set([1, 3]); // PS3.3 C.8.5.5.1.1: 2D tissue and colour; M mode and spectra have time on an axis

/**
 * The regions of an ultrasound image with a length on both axes (PS3.3 C.8.5.5), in which distances are millimetres. One
 * that reaches beyond the image is of the image before it was made smaller or cut.
 */
export function spatialRegions(dataset: Dataset): SpatialRegion[] {
  const [columns, rows] = [number(dataset, Tag.Columns) ?? Infinity, number(dataset, Tag.Rows) ?? Infinity];
  return items(dataset, REGIONS).flatMap((region): SpatialRegion[] => {
    const value = (tag: string): number => number(region, tag) ?? Number.NaN;
    const [unitX, unitY] = [value("00186024"), value("00186026")];
    const [deltaX, deltaY] = [Math.abs(value("0018602C")), Math.abs(value("0018602E"))];
    const [left, top, right, bottom] = [value("00186018"), value("0018601A"), value("0018601C"), value("0018601E")];
    const spatial = unitX === CENTIMETRES && unitY === CENTIMETRES && SPATIAL_FORMATS.has(value("00186012"));
    if (!spatial || !(deltaX > 0) || !(deltaY > 0) || !(right >= left) || !(bottom >= top)) return [];
    if (right > columns || bottom > rows) return []; // many write the column after the last
    return [{ left, top, right, bottom, mmPerColumn: deltaX * MM_PER_CM, mmPerRow: deltaY * MM_PER_CM }];
  });
}

/** Millimetres from one pixel to another (column, row; fractions allowed); undefined where they are not known. */
export function distanceMm(dataset: Dataset, from: readonly [number, number], to: readonly [number, number]): number | undefined {
  const spacing = spacingOf(dataset);
  const [columns, rows] = [to[0] - from[0], to[1] - from[1]];
  if (spacing.basis === "none") return undefined;
  if (spacing.basis !== "region") return Math.hypot(columns * spacing.column, rows * spacing.row);
  const holds = ({ left, top, right, bottom }: SpatialRegion): boolean =>
    [from, to].every(([column, row]) => column >= left && column <= right && row >= top && row <= bottom);
  const region = spatialRegions(dataset).find(holds);
  return region && Math.hypot(columns * region.mmPerColumn, rows * region.mmPerRow);
}
