/** Palettes of PALETTE COLOR images (PS3.3 C.7.6.3.1.5, C.7.6.3.1.6) in the one form that Cornerstone maps right. */

import { fromBase64, number, numbers, Tag, text, type Dataset } from "@/dicomweb/json";

const COLOURS = [
  { descriptor: "00281101", data: "00281201" },
  { descriptor: "00281102", data: "00281202" },
  { descriptor: "00281103", data: "00281203" },
] as const;

const RESCALE_INTERCEPT = "00281052";
const RESCALE_SLOPE = "00281053";
const ENTRIES_OF_ZERO = 1 << 16; // what a count of 0 stands for
const BYTE_MAX = 255;

export function hasPalette(dataset: Dataset): boolean {
  return text(dataset, Tag.PhotometricInterpretation) === "PALETTE COLOR";
}

/**
 * The data set with palettes of numbers of 8 bits, as Cornerstone reads them: it knows no InlineBinary, and judges the
 * depth of all colours by the red one. Undefined when the node's picture has to do: no palette in the metadata, one
 * which is not whole, signed indices, colours with tables of different shapes.
 */
export function withPlainPalette(dataset: Dataset): Dataset | undefined {
  const tables = COLOURS.map(({ descriptor, data }) => table(numbers(dataset, descriptor), dataset[data]?.InlineBinary));
  const [red] = tables;
  if (!red || !tables.every((one) => one?.words.length === red.words.length && one.first === red.first)) return undefined;
  if (number(dataset, Tag.PixelRepresentation) === 1 || isRescaled(dataset)) return undefined;
  const deep = tables.some((one) => one?.words.some((word) => word > BYTE_MAX)); // tables "of 16 bits" may hold 8
  const plain: Record<string, Dataset[string]> = { ...dataset };
  for (const [index, { descriptor, data }] of COLOURS.entries()) {
    const words = tables[index]?.words ?? [];
    plain[descriptor] = { vr: "US", Value: [words.length, red.first, 8] };
    plain[data] = { vr: "OW", Value: deep ? words.map((word) => word >> 8) : words };
  }
  return plain;
}

function isRescaled(dataset: Dataset): boolean {
  return (number(dataset, RESCALE_SLOPE) ?? 1) !== 1 || (number(dataset, RESCALE_INTERCEPT) ?? 0) !== 0;
}

interface Table {
  /** The pixel value of the first entry. */
  readonly first: number;
  readonly words: readonly number[];
}

function table([count, first, bits]: readonly number[], inline: string | undefined): Table | undefined {
  if (count === undefined || first === undefined || (bits !== 8 && bits !== 16) || !inline) return undefined;
  const length = count || ENTRIES_OF_ZERO;
  const bytes = fromBase64(inline);
  const packed = bits === 8 && bytes.length === length + (length % 2); // two entries to a word, the first in its low byte
  const words = packed ? [...bytes] : littleEndian(bytes);
  return words.length < length ? undefined : { first: first & 0xffff, words: words.slice(0, length) };
}

function littleEndian(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer);
  return Array.from({ length: bytes.length >> 1 }, (_, index) => view.getUint16(2 * index, true));
}
