/** Digital subtraction angiography (PS3.3 C.7.6.10, C.11.13): which frames are taken away from one before it is shown, and how. */

import type { Frame } from "@/dicomweb/frames";
import { items, number, numbers, Tag, text, type Dataset } from "@/dicomweb/json";
import { areItemsAbout, rescalingOf, type Rescaling } from "@/dicomweb/presentation";

const DSA = {
  RecommendedViewingMode: "00281090",
  ModalityLUTSequence: "00283000",
  PixelIntensityRelationship: "00281040",
  MaskSubtractionSequence: "00286100",
  MaskOperation: "00286101",
  ApplicableFrameRange: "00286102",
  MaskFrameNumbers: "00286110",
  ContrastFrameAveraging: "00286112",
  MaskSubPixelShift: "00286114",
  TIDOffset: "00286120",
  MultiFramePresentationSequence: "00289505",
  FrameDisplaySequence: "00089458",
  StartTrim: "00082142",
  StopTrim: "00082143",
  MaskVisibilityPercentage: "00289478",
  PixelShiftSequence: "00289501",
  RegionPixelShiftSequence: "00289502",
  VerticesOfTheRegion: "00289503",
  PixelShiftFrameRange: "00289506",
} as const;

const ANGIOGRAPHY = /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.12\.(1|1\.1|2|2\.1|3)$/;
const MASKS_MAX = 16;
const SHIFT_MAX = 64;

/** The frame less the mean of its masks. */
export interface Subtraction {
  readonly masks: readonly number[];
  /** How far the mask is moved, in pixels: rows down, columns to the right. */
  readonly down: number;
  readonly right: number;
  /** The part of the mask that is left, 0 to 1. */
  readonly visible: number;
  /** Of logarithms, where values are linear to the X-rays' intensity (C.8.7.1.1.2). */
  readonly logarithmic: boolean;
  /** From the image's values to those that are subtracted. */
  readonly rescaling: Rescaling;
}

/** What a state, or an image, asks of a frame: nothing, a subtraction, or one that only the node can make or refuse. */
export type Subtracting = Subtraction | "natural" | "elsewhere";

function holds(ranges: readonly number[], frame: number): number | undefined {
  for (let at = 0; at + 1 < ranges.length; at += 2) {
    const [low = 0, high = 0] = [ranges[at], ranges[at + 1]];
    if (low <= frame && frame <= high) return low;
  }
  return ranges.length < 2 ? 1 : undefined;
}

/** The first item whose ranges hold the frame, and where its range begins. */
function itemAbout(sequence: readonly Dataset[], frame: number, tag: string): { readonly item: Dataset; readonly first: number } | undefined {
  for (const item of sequence) {
    const first = holds(numbers(item, tag), frame);
    if (first !== undefined) return { item, first };
  }
  return undefined;
}

function named(item: Dataset, frame: number, first: number): number[] {
  const offset = number(item, DSA.TIDOffset) ?? 1;
  switch (text(item, DSA.MaskOperation)) {
    case "AVG_SUB":
      return numbers(item, DSA.MaskFrameNumbers);
    case "TID":
      return [frame - offset];
    case "REV_TID":
      return [first - offset - (frame - first)];
    default:
      return [];
  }
}

function shiftOf(item: Dataset): readonly [number, number] | undefined {
  const [down, right] = numbers(item, DSA.MaskSubPixelShift);
  return down !== undefined && right !== undefined && Math.max(Math.abs(down), Math.abs(right)) <= SHIFT_MAX ? [down, right] : undefined;
}

const SAME: Rescaling = { slope: 1, intercept: 0 };

/** What the object itself asks for, by its Recommended Viewing Mode. */
export function ownSubtraction({ dataset, frameNumber, numberOfFrames }: Frame): Subtraction | undefined {
  if (numberOfFrames < 2 || !ANGIOGRAPHY.test(text(dataset, Tag.SOPClassUID)) || text(dataset, DSA.RecommendedViewingMode) !== "SUB") return undefined;
  const found = itemAbout(items(dataset, DSA.MaskSubtractionSequence), frameNumber, DSA.ApplicableFrameRange);
  if (!found) return undefined;
  const masks = named(found.item, frameNumber, found.first).filter((one) => one >= 1 && one <= numberOfFrames).slice(0, MASKS_MAX);
  if (masks.length === 0) return undefined;
  const [down, right] = shiftOf(found.item) ?? [0, 0];
  const logarithmic = text(dataset, DSA.PixelIntensityRelationship) === "LIN" && items(dataset, DSA.ModalityLUTSequence).length === 0;
  return { masks, down, right, visible: 0, logarithmic, rescaling: SAME };
}

/** What a state asks for, whatever the object says of itself. */
export function subtractionIn(state: Dataset, frame: Frame): Subtracting {
  const { frameNumber, numberOfFrames } = frame;
  const about = (tag: string): Dataset[] => items(state, tag).filter((item) => areItemsAbout(item, frame));
  const presentations = [state, ...about(DSA.MultiFramePresentationSequence)];
  const displays = presentations.flatMap((one) => items(one, DSA.FrameDisplaySequence)).filter((one) => (number(one, DSA.StartTrim) ?? 0) <= frameNumber && frameNumber <= (number(one, DSA.StopTrim) ?? 0));
  const mode = [state, ...displays].map((one) => text(one, DSA.RecommendedViewingMode)).findLast((one) => one !== "");
  const found = itemAbout(about(DSA.MaskSubtractionSequence), frameNumber, DSA.ApplicableFrameRange);
  const operation = found ? text(found.item, DSA.MaskOperation) || "NONE" : "NONE";
  if (!found || mode === "NAT" || operation === "NONE") return "natural";
  const masks = named(found.item, frameNumber, found.first);
  const moved = [state, found.item].map((one) => itemAbout(items(one, DSA.PixelShiftSequence), frameNumber, DSA.PixelShiftFrameRange)?.item);
  const regions = moved.flatMap((one) => (one ? items(one, DSA.RegionPixelShiftSequence) : []));
  const isPlain = masks.length > 0 && masks.length <= MASKS_MAX && masks.every((one) => one >= 1 && one <= numberOfFrames);
  if (!isPlain || (number(found.item, DSA.ContrastFrameAveraging) ?? 1) > 1 || regions.length > 1 || regions.some((one) => DSA.VerticesOfTheRegion in one)) return "elsewhere";
  const [down, right] = (regions[0] && shiftOf(regions[0])) ?? shiftOf(found.item) ?? [0, 0];
  const seen = displays.map((one) => number(one, DSA.MaskVisibilityPercentage)).find((percent) => percent !== undefined) ?? 0;
  return { masks, down, right, visible: Math.min(1, Math.max(0, seen / 100)), logarithmic: false, rescaling: rescalingOf(state, frame) };
}

/** The pixels before and after the place that a moved one came from, and how far it lies between them. */
function sources(index: number, distance: number, size: number): readonly [number, number, number] {
  const exact = Math.min(size - 1, Math.max(0, index - distance));
  const low = Math.floor(exact);
  return [low, Math.min(low + 1, size - 1), exact - low];
}

/** Moved, and interpolated between pixels; what comes in from outside is the border's. */
function shifted(values: Float64Array, columns: number, down: number, right: number): Float64Array {
  if (down === 0 && right === 0) return values;
  const rows = values.length / columns;
  const found = new Float64Array(values.length);
  for (let row = 0; row < rows; row += 1) {
    const [upper, lower, below] = sources(row, down, rows);
    for (let column = 0; column < columns; column += 1) {
      const [left, beside, across] = sources(column, right, columns);
      const on = (line: number): number => (values[line * columns + left] ?? 0) * (1 - across) + (values[line * columns + beside] ?? 0) * across;
      found[row * columns + column] = on(upper) * (1 - below) + on(lower) * below;
    }
  }
  return found;
}

const SHARPENED = 1000; // thousandths of the natural logarithm: greys are told by whole numbers

/** The difference of a frame and its masks, of the image's values. */
export function difference(frame: ArrayLike<number>, masks: readonly ArrayLike<number>[], columns: number, how: Subtraction): Float32Array {
  const { slope, intercept } = how.rescaling;
  const meaning = how.logarithmic ? (value: number) => SHARPENED * Math.log(Math.max(value, 0) + 1) : (value: number) => value * slope + intercept;
  const mean = new Float64Array(frame.length);
  for (const mask of masks) for (let index = 0; index < mean.length; index += 1) mean[index] = (mean[index] ?? 0) + meaning(mask[index] ?? 0) / masks.length;
  const moved = shifted(mean, columns, how.down, how.right);
  const left = new Float32Array(frame.length);
  for (let index = 0; index < left.length; index += 1) left[index] = meaning(frame[index] ?? 0) - (1 - how.visible) * (moved[index] ?? 0);
  return left;
}

const SHOWN = 0.999; // of the differences, within the window that nothing is said of

/** Shows no difference as the grey in the middle, and nearly everything else. */
export function differenceWindow(values: Float32Array): { readonly center: number; readonly width: number } {
  const sorted = values.map(Math.abs).toSorted();
  const exact = SHOWN * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(exact)] ?? 0, sorted[Math.ceil(exact)] ?? 0];
  return { center: 0, width: Math.max(2 * (low + (high - low) * (exact % 1)), 1e-6) };
}
