/** What Cornerstone asks about an image, answered from its flat data set. */

import { Enums, metaData } from "@cornerstonejs/core";
import { wadors } from "@cornerstonejs/dicom-image-loader";

import { framePath, renderedPath } from "@/dicomweb/client";
import type { Frame } from "@/dicomweb/frames";
import { hasNativeMeaning } from "@/dicomweb/nativePixels";
import { hasOverlayInPixels } from "@/dicomweb/overlayPlanes";
import { isInMillimetres, spacingOf } from "@/dicomweb/spacing";
import { items, number, numbers, Tag, text, type Dataset } from "@/dicomweb/json";
import { widened } from "@/tools/presets";
import { hasPalette, withPlainPalette } from "@/viewport/palette";

const { MetadataModules } = Enums;

export const STORED = "wadors:";
export const RENDERED = "rendered:";
export const NATIVE = "native:";
/** Less its masks; what is taken away stands behind the question mark (`differenceLoader.ts`). */
export const DIFFERENCE = "difference:";
const RENDERED_QUALITY = 90;
const RENDERED_LONGEST = 2048;

const frames = new Map<string, Frame>();
/** How many viewports show the image. */
const holders = new Map<string, number>();

export function storedImageId(frame: Frame): string {
  return STORED + framePath(frame);
}

/** Columns and rows of an image. */
function sizeOf({ dataset }: Frame): readonly [number, number] {
  return [number(dataset, Tag.Columns) ?? 1, number(dataset, Tag.Rows) ?? 1];
}

/** Columns and rows of the node's picture of an image. */
function renderedSize(frame: Frame): readonly [number, number] {
  const [columns, rows] = sizeOf(frame);
  const scale = Math.min(1, RENDERED_LONGEST / Math.max(columns, rows));
  return [Math.max(1, Math.round(columns * scale)), Math.max(1, Math.round(rows * scale))];
}

export function renderedImageId(frame: Frame): string {
  return RENDERED + renderedPath(frame, ...renderedSize(frame), RENDERED_QUALITY);
}

export function nativeImageId(frame: Frame): string {
  return NATIVE + framePath(frame);
}

/** The form in which the image is shown first: as stored, decoded by the node, or as its picture. */
export function imageIdOf(frame: Frame): string {
  if (!needsNode(frame.dataset)) return storedImageId(frame);
  return hasNativeMeaning(frame.dataset) ? nativeImageId(frame) : renderedImageId(frame);
}

/** What to show instead of an image that cannot be had; undefined when nothing is left. */
export function nextImageId(frame: Frame, failed: string): string | undefined {
  if (failed.startsWith(STORED) && hasNativeMeaning(frame.dataset)) return nativeImageId(frame);
  return failed.startsWith(RENDERED) ? undefined : renderedImageId(frame);
}

/** The frame an image is made of; undefined when nobody shows it. */
export function frameOf(imageId: string): Frame | undefined {
  return frames.get(plainImageId(imageId));
}

/** A name that the image is known by whatever is taken away from it. */
export function plainImageId(imageId: string): string {
  return imageId.startsWith(DIFFERENCE) ? NATIVE + (imageId.slice(DIFFERENCE.length).split("?")[0] ?? "") : imageId;
}

/** Whether both are forms of one image. */
export function isOneImage(one: string | undefined, other: string | undefined): boolean {
  if (one === other) return true;
  const frame = one === undefined ? undefined : frameOf(one);
  return frame !== undefined && other !== undefined && frame === frameOf(other);
}

/** Make every form of the image known, until it is unregistered as often. */
export function register(frame: Frame): void {
  const imageId = storedImageId(frame);
  holders.set(imageId, (holders.get(imageId) ?? 0) + 1);
  frames.set(imageId, frame);
  frames.set(nativeImageId(frame), frame);
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
  frames.delete(nativeImageId(frame));
  frames.delete(renderedImageId(frame));
  wadors.metaDataManager.remove(imageId);
}

const MODALITY_LUT_SEQUENCE = "00283000";
const TABLES = [MODALITY_LUT_SEQUENCE, "00283010"];
const RESCALE_INTERCEPT = "00281052";
const RESCALE_SLOPE = "00281053";
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
 * Whether the browser's decoders are known to give another picture than the standard says, so that the node helps:
 * bit-packed and wide pixels, floats, 16-bit colours, tables and palettes which they do not apply, and bits of overlays,
 * which they take for values.
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
    hasOverlayInPixels(dataset) ||
    (hasPalette(dataset) && withPlainPalette(dataset) === undefined)
  );
}

function threeOr(values: readonly number[], otherwise: readonly number[]): readonly number[] {
  return values.length === otherwise.length ? values : otherwise;
}

/** `pixels`: columns and rows as they are held, which of a picture may be fewer than of its image. */
export function imagePlane(frame: Frame, pixels = sizeOf(frame)): Readonly<Record<string, unknown>> {
  const { dataset } = frame;
  const [columns, rows] = sizeOf(frame);
  const spacing = spacingOf(dataset);
  const [row, column] = [(spacing.row * rows) / pixels[1], (spacing.column * columns) / pixels[0]];
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
    usingDefaultValues: !isInMillimetres(spacing), // decides whether a length is in mm or in pixels
  };
}

/**
 * The windows of an image. What is of up to 8 bits and says none shows all that it can hold, as the node's pictures do
 * (`pacs/render/grayscale.py`): its black is none of its darkest pixel. Undefined where the values themselves have to tell.
 */
export function windowsOf(dataset: Dataset): { readonly centers: readonly number[]; readonly widths: readonly number[] } | undefined {
  const [centers, widths] = [numbers(dataset, Tag.WindowCenter), numbers(dataset, Tag.WindowWidth)];
  if (centers.length > 0 && widths.length > 0) return { centers, widths: widths.map((width, index) => wider(width, centers[index] ?? 0)) };
  const bits = number(dataset, Tag.BitsStored) ?? Infinity;
  const isSigned = number(dataset, Tag.PixelRepresentation) === 1;
  if (bits > 8 || isSigned || TABLES.some((tag) => items(dataset, tag).length > 0) || text(dataset, Tag.Modality) === "SEG") return undefined;
  const [slope, intercept] = [number(dataset, RESCALE_SLOPE) || 1, number(dataset, RESCALE_INTERCEPT) ?? 0];
  const width = Math.abs((2 ** bits - 1) * slope);
  return { centers: [intercept + ((2 ** bits - 1) * slope + 1) / 2], widths: [width + 1] };
}

/** A width of 1 tells two kinds of values apart (PS3.3 C.11.2.1.2.1), but is none between its ends. */
function wider(width: number, center: number): number {
  const { lower, upper } = widened({ lower: center, upper: center });
  return width === 1 ? 1 + upper - lower : width;
}

function voiLut({ dataset }: Frame): unknown {
  const windows = windowsOf(dataset);
  return {
    windowCenter: windows?.centers,
    windowWidth: windows?.widths,
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

function nativePixel({ dataset }: Frame): unknown {
  const bits = Math.min(16, Math.max(8, number(dataset, Tag.BitsAllocated) ?? 8));
  return {
    samplesPerPixel: number(dataset, Tag.SamplesPerPixel) ?? 1,
    photometricInterpretation: text(dataset, Tag.PhotometricInterpretation) || "MONOCHROME2",
    rows: number(dataset, Tag.Rows),
    columns: number(dataset, Tag.Columns),
    bitsAllocated: bits,
    bitsStored: bits,
    highBit: bits - 1,
    pixelRepresentation: number(dataset, Tag.PixelRepresentation) ?? 0,
    planarConfiguration: 0,
  };
}

type Answer = (frame: Frame) => unknown;

const OF_STORED: Readonly<Record<string, Answer>> = {
  [MetadataModules.IMAGE_PLANE]: (frame) => imagePlane(frame),
  [MetadataModules.VOI_LUT]: voiLut,
  [MetadataModules.CALIBRATION]: () => ({}), // regions of ultrasound are read here (`regionFigures.ts`), not by Cornerstone
};

const OF_NATIVE: Readonly<Record<string, Answer>> = {
  [MetadataModules.IMAGE_PLANE]: (frame) => imagePlane(frame),
  [MetadataModules.IMAGE_PIXEL]: nativePixel,
  [MetadataModules.VOI_LUT]: voiLut,
  [MetadataModules.MODALITY_LUT]: () => ({}), // applied already
  [MetadataModules.GENERAL_SERIES]: ({ dataset }) => ({ modality: text(dataset, Tag.Modality) }),
  [MetadataModules.SOP_COMMON]: ({ dataset }) => ({ sopClassUID: text(dataset, Tag.SOPClassUID) }),
};

const OF_DIFFERENCE: Readonly<Record<string, Answer>> = {
  ...OF_NATIVE,
  [MetadataModules.VOI_LUT]: () => ({ voiLUTFunction: ["LINEAR_EXACT"] }), // its window comes with the image
};

const OF_RENDERED: Readonly<Record<string, Answer>> = {
  [MetadataModules.IMAGE_PLANE]: (frame) => imagePlane(frame, renderedSize(frame)),
  [MetadataModules.IMAGE_PIXEL]: () => RENDERED_PIXEL,
  [MetadataModules.VOI_LUT]: () => ({}),
  [MetadataModules.MODALITY_LUT]: () => ({}),
  [MetadataModules.GENERAL_SERIES]: ({ dataset }) => ({ modality: text(dataset, Tag.Modality) }),
};

const ANSWERS: Readonly<Record<string, typeof OF_STORED>> = { [RENDERED]: OF_RENDERED, [NATIVE]: OF_NATIVE, [DIFFERENCE]: OF_DIFFERENCE };

function provide(type: string, imageId: unknown): unknown {
  if (typeof imageId !== "string") return undefined;
  const frame = frameOf(imageId);
  const scheme = imageId.slice(0, imageId.indexOf(":") + 1);
  return frame && (ANSWERS[scheme] ?? OF_STORED)[type]?.(frame);
}

const FIRST = 10_000; // asked before the loader's own provider

export function installProvider(): void {
  metaData.addProvider(provide, FIRST);
}
