/** Overlay planes, groups 6000 to 601E (PS3.3 C.9.2): which an object has, and what their bits say of one frame. */

import type { Frame } from "@/dicomweb/frames";
import { fromBase64, number, numbers, Tag, text, type Dataset, type Element } from "@/dicomweb/json";

const GROUP = /^(60[01][02468ACE])/;
const ROWS = "0010";
const COLUMNS = "0011";
const FRAMES = "0015";
const DESCRIPTION = "0022";
const TYPE = "0040";
const SUBTYPE = "0045";
const ORIGIN = "0050";
const FIRST_FRAME = "0051";
const BIT_POSITION = "0102";
const LAYER = "1001";
const REGION_AREA = "1301";
const REGION_MEAN = "1302";
const REGION_DEVIATION = "1303";
const LABEL = "1500";
const DATA = "3000";

/** One plane as the object describes it. */
export interface OverlayPlane {
  /** Its group, four hex digits. */
  readonly group: string;
  readonly rows: number;
  readonly columns: number;
  readonly frames: number;
  /** Of the image, from 1, over which the first of its frames lies; 0: a single one lies over all. */
  readonly firstFrame: number;
  /** Where its first pixel lies in the image, from 0. */
  readonly top: number;
  readonly left: number;
  /** A region of interest, and what the object says was measured in it: area in pixels. */
  readonly region: boolean;
  readonly area: number | undefined;
  readonly mean: number | undefined;
  readonly deviation: number | undefined;
  readonly label: string;
  readonly description: string;
  readonly subtype: string;
  /** The layer in which a presentation state shows it; undefined where it says none. */
  readonly layer: string | undefined;
  /** Its bits; undefined where they are spare bits of the pixels, at `bit`. */
  readonly data: Element | undefined;
  readonly bit: number;
}

/** The groups of overlay planes that a data set says anything of. */
function groupsOf(dataset: Dataset): string[] {
  return [...new Set(Object.keys(dataset).flatMap((tag) => GROUP.exec(tag)?.[1] ?? []))].toSorted();
}

/** Those that can be drawn: with bits of their own, or in spare ones of the pixels. */
export function overlayPlanesOf(dataset: Dataset): OverlayPlane[] {
  return groupsOf(dataset)
    .map((group) => planeOf(dataset, group))
    .filter(({ data, bit, rows, columns }) => (data ? rows > 0 && columns > 0 : isSpare(dataset, bit)));
}

function planeOf(dataset: Dataset, group: string): OverlayPlane {
  const whole = (element: string): number | undefined => number(dataset, group + element);
  const words = (element: string): string => text(dataset, group + element);
  const [top = 1, left = 1] = numbers(dataset, group + ORIGIN);
  const data = dataset[group + DATA];
  return {
    group,
    rows: whole(ROWS) ?? 0,
    columns: whole(COLUMNS) ?? 0,
    frames: Math.max(1, whole(FRAMES) ?? 1),
    firstFrame: whole(FIRST_FRAME) ?? 0,
    top: top - 1,
    left: left - 1,
    region: words(TYPE) === "R",
    area: whole(REGION_AREA),
    mean: whole(REGION_MEAN),
    deviation: whole(REGION_DEVIATION),
    label: words(LABEL),
    description: words(DESCRIPTION),
    subtype: words(SUBTYPE),
    layer: group + LAYER in dataset ? words(LAYER) : undefined,
    data: data?.BulkDataURI !== undefined || data?.InlineBinary !== undefined ? data : undefined,
    bit: data === undefined ? (whole(BIT_POSITION) ?? 0) : 0,
  };
}

function isSpare(dataset: Dataset, bit: number): boolean {
  const allocated = number(dataset, Tag.BitsAllocated) ?? 0;
  return bit > 0 && bit < allocated && allocated <= 16 && (number(dataset, Tag.SamplesPerPixel) ?? 1) === 1 && Tag.PixelData in dataset;
}

/** Whether some of the pixels' bits are overlays (retired, PS3.5 8.1.2), which are no part of the values. */
export function hasOverlayInPixels(dataset: Dataset): boolean {
  return overlayPlanesOf(dataset).some(({ data }) => data === undefined);
}

/** The groups that a presentation state switches on, each with its layer (PS3.3 C.11.7). */
export function activatedBy(state: Dataset): ReadonlyMap<string, string> {
  return new Map(groupsOf(state).flatMap((group) => (group + LAYER in state ? [[group, text(state, group + LAYER)] as const] : [])));
}

/** Which of the plane's frames lies over a frame of the image, from 0; undefined: none. A single one without a frame lies over all. */
export function planeFrameOver({ frames, firstFrame }: OverlayPlane, frameNumber: number): number | undefined {
  const index = frames === 1 && firstFrame === 0 ? 0 : frameNumber - Math.max(firstFrame, 1);
  return index >= 0 && index < frames ? index : undefined;
}

/** A byte for each pixel of the image, 1 where the plane covers it. */
export interface Mask {
  readonly columns: number;
  readonly rows: number;
  readonly cells: Uint8Array;
}

/**
 * What a plane covers of a frame: `bytes` are all of its bits (little endian, the first the lowest), or the frame's
 * pixels with every bit that is allocated. Of a region its outline, so that what it surrounds stays to be seen.
 * Undefined where it does not lie over the frame, or bits are missing.
 */
export function maskOf(plane: OverlayPlane, bytes: Uint8Array, { dataset, frameNumber }: Pick<Frame, "dataset" | "frameNumber">): Mask | undefined {
  const [columns, rows] = [number(dataset, Tag.Columns) ?? 0, number(dataset, Tag.Rows) ?? 0];
  const mask = { columns, rows, cells: new Uint8Array(columns * rows) };
  const filled = plane.data ? fromBits(mask, plane, bytes, frameNumber) : fromPixels(mask, plane.bit, bytes, number(dataset, Tag.BitsAllocated) ?? 16);
  if (!filled) return undefined;
  return plane.region ? outlined(mask) : mask;
}

function fromBits({ columns, rows, cells }: Mask, plane: OverlayPlane, bytes: Uint8Array, frameNumber: number): boolean {
  const index = planeFrameOver(plane, frameNumber);
  if (index === undefined) return false;
  const start = index * plane.rows * plane.columns;
  if (bytes.length * 8 < start + plane.rows * plane.columns) return false;
  for (let row = Math.max(0, -plane.top); row < plane.rows && row + plane.top < rows; row += 1) {
    const [from, to] = [start + row * plane.columns, (row + plane.top) * columns + plane.left];
    const last = Math.min(plane.columns, columns - plane.left);
    for (let column = Math.max(0, -plane.left); column < last; column += 1) {
      const bit = from + column;
      cells[to + column] = ((bytes[bit >> 3] ?? 0) >> (bit & 7)) & 1;
    }
  }
  return true;
}

function fromPixels({ cells }: Mask, bit: number, bytes: Uint8Array, allocated: number): boolean {
  const size = allocated / 8;
  if (bytes.length < cells.length * size) return false;
  const [octet, shift] = [bit >> 3, bit & 7];
  for (let pixel = 0; pixel < cells.length; pixel += 1) cells[pixel] = ((bytes[pixel * size + octet] ?? 0) >> shift) & 1;
  return true;
}

/** The pixels that touch what is outside. */
function outlined({ columns, rows, cells }: Mask): Mask {
  const edge = new Uint8Array(cells.length);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const at = row * columns + column;
      const inside =
        column > 0 && column < columns - 1 && row > 0 && row < rows - 1 &&
        cells[at - 1] && cells[at + 1] && cells[at - columns] && cells[at + columns]; // prettier-ignore
      edge[at] = cells[at] && !inside ? 1 : 0;
    }
  }
  return { columns, rows, cells: edge };
}

/** Blocks of `side` by `side` pixels as one: covered where any of them is, so that thin lines do not vanish when made small. */
export function coarser({ columns, rows, cells }: Mask, side: number): Mask {
  if (side <= 1) return { columns, rows, cells };
  const [wide, high] = [Math.ceil(columns / side), Math.ceil(rows / side)];
  const blocks = new Uint8Array(wide * high);
  for (let at = 0; at < cells.length; at += 1) {
    if (cells[at]) blocks[Math.trunc(Math.trunc(at / columns) / side) * wide + Math.trunc((at % columns) / side)] = 1;
  }
  return { columns: wide, rows: high, cells: blocks };
}

/** The bits that metadata carry themselves. */
export function inlineBits({ data }: OverlayPlane): Uint8Array | undefined {
  return data?.InlineBinary === undefined ? undefined : fromBase64(data.InlineBinary);
}
