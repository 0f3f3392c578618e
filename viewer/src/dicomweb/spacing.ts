/** What a distance between pixels means: millimetres in the patient, at the detector, or nothing (PS3.3 10.7.1.3). */

import { items, number, numbers, Tag, text, type Dataset } from "@/dicomweb/json";
import { millimetresIn, regionsOf } from "@/dicomweb/ultrasound";

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

/** The regions of an ultrasound image with a length on both axes, in which distances are millimetres. */
export function spatialRegions(dataset: Dataset): SpatialRegion[] {
  return regionsOf(dataset).flatMap((region) => {
    if (!region.isSpatial) return [];
    const { left, top, right, bottom } = region;
    const { column, row } = millimetresIn(region);
    return [{ left, top, right, bottom, mmPerColumn: column, mmPerRow: row }];
  });
}
