/** What Cornerstone asks about an image, answered from its flat data set. */

import { Enums, metaData } from "@cornerstonejs/core";
import { wadors } from "@cornerstonejs/dicom-image-loader";

import { framePath, renderedPath } from "@/dicomweb/client";
import type { Frame } from "@/dicomweb/frames";
import { items, number, numbers, Tag, text, type Dataset } from "@/dicomweb/json";
import { hasPalette, withPlainPalette } from "@/viewport/palette";

const { MetadataModules } = Enums;

const STORED = "wadors:";
export const RENDERED = "rendered:";
const RENDERED_QUALITY = 90;
const RENDERED_LONGEST = 2048;

const frames = new Map<string, Frame>();
/** How many viewports show the image. */
const holders = new Map<string, number>();

export function storedImageId(frame: Frame): string {
  return STORED + framePath(frame);
}

export function renderedImageId(frame: Frame): string {
  const [columns, rows] = [number(frame.dataset, Tag.Columns) ?? 1, number(frame.dataset, Tag.Rows) ?? 1];
  const scale = Math.min(1, RENDERED_LONGEST / Math.max(columns, rows));
  const [width, height] = [Math.round(columns * scale), Math.round(rows * scale)];
  return RENDERED + renderedPath(frame, Math.max(1, width), Math.max(1, height), RENDERED_QUALITY);
}

/** Make both forms of the image known, until it is unregistered as often. */
export function register(frame: Frame): void {
  const imageId = storedImageId(frame);
  holders.set(imageId, (holders.get(imageId) ?? 0) + 1);
  frames.set(imageId, frame);
  frames.set(renderedImageId(frame), frame);
  const dataset = (hasPalette(frame.dataset) && withPlainPalette(frame.dataset)) || frame.dataset;
  wadors.metaDataManager.add(imageId, dataset as unknown as Parameters<typeof wadors.metaDataManager.add>[1]);
}

export function unregister(frame: Frame): void {
  const imageId = storedImageId(frame);
  const left = (holders.get(imageId) ?? 1) - 1;
  if (left > 0) {
    holders.set(imageId, left);
    return;
  }
  holders.delete(imageId);
  frames.delete(imageId);
  frames.delete(renderedImageId(frame));
  wadors.metaDataManager.remove(imageId);
}

const MODALITY_LUT_SEQUENCE = "00283000";
const VOI_LUT_FUNCTION = "00281056";
const FRAME_OF_REFERENCE_UID = "00200052";

// PS3.3 C.7.6.3.1.2: what the browser's decoders turn into a picture; others they would take for grey.
const KNOWN_COLOURS = new Set([
  "MONOCHROME1",
  "MONOCHROME2",
  "PALETTE COLOR",
  "RGB",
  "YBR_FULL",
  "YBR_FULL_422",
  "YBR_ICT",
  "YBR_RCT",
]);

/**
 * Whether the browser's decoders are known to give another picture than the standard says, so that the node's is shown:
 * bit-packed and wide pixels, floats, 16-bit colours, tables and palettes which they do not apply.
 */
export function needsNode(dataset: Dataset): boolean {
  const bits = number(dataset, Tag.BitsAllocated) ?? 0;
  const samples = number(dataset, Tag.SamplesPerPixel) ?? 1;
  return (
    (bits !== 8 && bits !== 16) ||
    (samples > 1 && bits > 8) ||
    !(Tag.PixelData in dataset) ||
    !KNOWN_COLOURS.has(text(dataset, Tag.PhotometricInterpretation)) ||
    items(dataset, MODALITY_LUT_SEQUENCE).length > 0 ||
    (hasPalette(dataset) && withPlainPalette(dataset) === undefined)
  );
}

interface Spacing {
  readonly row: number;
  readonly column: number;
  /** Millimetres in the patient; otherwise only the ratio of the two means something. */
  readonly inPatient: boolean;
}

/** Distance between the centres of neighbouring pixels (PS3.3 10.7.1.3); never a detector's spacing taken for the patient's. */
function spacing(dataset: Dataset): Spacing {
  const [row, column] = numbers(dataset, Tag.PixelSpacing);
  if (row !== undefined && column !== undefined && row > 0 && column > 0) return { row, column, inPatient: true };
  const [high, wide] = [numbers(dataset, Tag.ImagerPixelSpacing), numbers(dataset, Tag.PixelAspectRatio)].find(
    (pair) => pair.length === 2 && pair.every((value) => value > 0),
  ) ?? [1, 1];
  return { row: (high ?? 1) / (wide ?? 1), column: 1, inPatient: false };
}

function threeOr(values: readonly number[], otherwise: readonly number[]): readonly number[] {
  return values.length === otherwise.length ? values : otherwise;
}

function imagePlane({ dataset }: Frame, inPatient: boolean): unknown {
  const { row, column, inPatient: measured } = spacing(dataset);
  const orientation = threeOr(numbers(dataset, Tag.ImageOrientationPatient), [1, 0, 0, 0, 1, 0]);
  return {
    frameOfReferenceUID: text(dataset, FRAME_OF_REFERENCE_UID) || undefined,
    rows: number(dataset, Tag.Rows),
    columns: number(dataset, Tag.Columns),
    imageOrientationPatient: orientation,
    rowCosines: orientation.slice(0, 3),
    columnCosines: orientation.slice(3),
    imagePositionPatient: threeOr(numbers(dataset, Tag.ImagePositionPatient), [0, 0, 0]),
    sliceThickness: number(dataset, Tag.SliceThickness),
    pixelSpacing: [row, column],
    rowPixelSpacing: row,
    columnPixelSpacing: column,
    usingDefaultValues: !(measured && inPatient), // decides whether a length is in mm or in pixels
  };
}

function voiLut({ dataset }: Frame): unknown {
  const [centers, widths] = [numbers(dataset, Tag.WindowCenter), numbers(dataset, Tag.WindowWidth)];
  const known = centers.length > 0 && widths.length > 0;
  return {
    windowCenter: known ? centers : undefined,
    windowWidth: known ? widths : undefined,
    voiLUTFunction: [text(dataset, VOI_LUT_FUNCTION) || "LINEAR"],
  };
}

/** An 8-bit picture in colours, whatever the object's own pixels are. */
const RENDERED_PIXEL = {
  samplesPerPixel: 3,
  photometricInterpretation: "RGB",
  bitsAllocated: 8,
  bitsStored: 8,
  highBit: 7,
  pixelRepresentation: 0,
  planarConfiguration: 0,
};

type Answer = (frame: Frame) => unknown;

const OF_STORED: Readonly<Record<string, Answer>> = {
  [MetadataModules.IMAGE_PLANE]: (frame) => imagePlane(frame, true),
  [MetadataModules.VOI_LUT]: voiLut,
};

const OF_RENDERED: Readonly<Record<string, Answer>> = {
  [MetadataModules.IMAGE_PLANE]: (frame) => imagePlane(frame, false),
  [MetadataModules.IMAGE_PIXEL]: () => RENDERED_PIXEL,
  [MetadataModules.VOI_LUT]: () => ({}),
  [MetadataModules.MODALITY_LUT]: () => ({}),
  [MetadataModules.GENERAL_SERIES]: ({ dataset }) => ({ modality: text(dataset, Tag.Modality) }),
};

function provide(type: string, imageId: unknown): unknown {
  if (typeof imageId !== "string") return undefined;
  const frame = frames.get(imageId);
  return frame && (imageId.startsWith(RENDERED) ? OF_RENDERED : OF_STORED)[type]?.(frame);
}

const FIRST = 10_000; // asked before the loader's own provider

export function installProvider(): void {
  metaData.addProvider(provide, FIRST);
}
