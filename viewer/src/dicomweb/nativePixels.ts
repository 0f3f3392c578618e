/** Uncompressed pixel cells to the values they stand for (PS3.5 8.1.1, PS3.3 C.7.6.3, C.11.1), in our own arithmetic. */

import { fromBase64, items, number, numbers, Tag, text, type Dataset } from "@/dicomweb/json";

export type ValueArray = Uint8Array | Int8Array | Uint16Array | Int16Array | Float32Array;

export interface NativePixels {
  /** Modality values row by row, or red, green and blue of each pixel in 8 bits. */
  readonly values: ValueArray;
  readonly components: 1 | 3;
  readonly min: number;
  readonly max: number;
}

export const PLANAR_CONFIGURATION = "00280006";
const RESCALE_INTERCEPT = "00281052";
const RESCALE_SLOPE = "00281053";
const MODALITY_LUT_SEQUENCE = "00283000";
const LUT_DESCRIPTOR = "00283002";
const LUT_DATA = "00283006";
const DOSE_GRID_SCALING = "3004000E";

/** Whether `nativePixels` can tell what the cells of this image mean. */
export function hasNativeMeaning(dataset: Dataset): boolean {
  const bits = number(dataset, Tag.BitsAllocated) ?? 0;
  const interpretation = text(dataset, Tag.PhotometricInterpretation);
  if (![1, 8, 16, 32, 64].includes(bits)) return false;
  if (interpretation === "RGB") return true;
  if (interpretation !== "" && !interpretation.startsWith("MONOCHROME")) return false;
  const [lut] = items(dataset, MODALITY_LUT_SEQUENCE);
  return (bits < 64 || Tag.DoubleFloatPixelData in dataset) && (!lut || modalityTable(dataset) !== undefined);
}

/**
 * The values of one frame. `bytes`: the frame in little endian as the node gives it uncompressed; `planes`: the colours
 * of an object stored uncompressed may lie plane by plane. Raises RangeError when bytes are missing.
 */
export function nativePixels(dataset: Dataset, bytes: ArrayBuffer, planes: boolean): NativePixels {
  const [rows, columns] = [number(dataset, Tag.Rows) ?? 0, number(dataset, Tag.Columns) ?? 0];
  const samples = number(dataset, Tag.SamplesPerPixel) ?? 1;
  const cells = readCells(dataset, bytes, rows * columns * samples);
  if (samples === 3) return colours(dataset, cells, rows * columns, planes);
  const meaning = modalityTransform(dataset);
  let [min, max, whole] = [Infinity, -Infinity, true];
  for (let index = 0; index < cells.length; index += 1) {
    const value = meaning(cells[index] ?? 0);
    cells[index] = value;
    if (value < min) min = value;
    if (value > max) max = value;
    whole &&= Number.isInteger(value);
  }
  const values = narrow(cells, min, max, whole);
  return number(dataset, Tag.BitsAllocated) === 1 ? { values, components: 1, min: 0, max: 1 } : { values, components: 1, min, max };
}

/** The smallest array that holds every value as it is; Float32 for fractions and for what is wider than 16 bits. */
function narrow(cells: Float64Array, min: number, max: number, whole: boolean): ValueArray {
  if (!whole || min < -32768 || max > 65535 || (min < 0 && max > 32767)) return Float32Array.from(cells);
  if (min < 0) return min >= -128 && max <= 127 ? Int8Array.from(cells) : Int16Array.from(cells);
  return max <= 255 ? Uint8Array.from(cells) : Uint16Array.from(cells);
}

function readCells(dataset: Dataset, bytes: ArrayBuffer, count: number): Float64Array {
  const bits = number(dataset, Tag.BitsAllocated) ?? 16;
  if (bytes.byteLength * 8 < count * bits) throw new RangeError("pixels are missing");
  const view = new DataView(bytes);
  const cells = new Float64Array(count);
  const read = reader(dataset, view, bits);
  for (let index = 0; index < count; index += 1) cells[index] = read(index);
  return cells;
}

function reader(dataset: Dataset, view: DataView, bits: number): (index: number) => number {
  if (Tag.FloatPixelData in dataset) return (index) => view.getFloat32(4 * index, true);
  if (Tag.DoubleFloatPixelData in dataset) return (index) => view.getFloat64(8 * index, true);
  if (bits === 1) return (index) => (view.getUint8(index >> 3) >> (index & 7)) & 1;
  const stored = number(dataset, Tag.BitsStored) ?? bits;
  const signed = number(dataset, Tag.PixelRepresentation) === 1;
  const spare = 32 - Math.min(stored, bits); // what lies above the stored bits may be an overlay
  const cut = signed ? (word: number) => (word << spare) >> spare : (word: number) => ((word << spare) >>> spare) >>> 0;
  if (bits === 8) return (index) => cut(view.getUint8(index));
  if (bits === 16) return (index) => cut(view.getUint16(2 * index, true));
  return (index) => cut(view.getUint32(4 * index, true));
}

function modalityTransform(dataset: Dataset): (stored: number) => number {
  const table = modalityTable(dataset);
  if (table) return (stored) => table.entries[Math.max(0, Math.min(table.entries.length - 1, stored - table.first))] ?? 0;
  const dose = number(dataset, RESCALE_SLOPE) === undefined ? number(dataset, DOSE_GRID_SCALING) : undefined;
  const slope = number(dataset, RESCALE_SLOPE) || dose || 1; // a slope of 0 would erase the image
  const intercept = number(dataset, RESCALE_INTERCEPT) ?? 0;
  return slope === 1 && intercept === 0 ? (stored) => stored : (stored) => stored * slope + intercept;
}

interface Table {
  readonly first: number;
  readonly entries: readonly number[];
}

/** The modality LUT, where its data are in the metadata. */
function modalityTable(dataset: Dataset): Table | undefined {
  const [lut] = items(dataset, MODALITY_LUT_SEQUENCE);
  if (!lut) return undefined;
  const [count = 0, start = 0] = numbers(lut, LUT_DESCRIPTOR);
  const length = count || 1 << 16;
  const entries = numbers(lut, LUT_DATA);
  const inline = lut[LUT_DATA]?.InlineBinary;
  if (entries.length === 0 && inline) {
    const view = new DataView(fromBase64(inline).buffer);
    for (let at = 0; at + 1 < view.byteLength; at += 2) entries.push(view.getUint16(at, true));
  }
  if (entries.length < length) return undefined;
  const signed = number(dataset, Tag.PixelRepresentation) === 1;
  return { first: signed && start > 0x7fff ? start - 0x10000 : start, entries: entries.slice(0, length) };
}

/** Colours of any depth in 8 bits: their high bits. */
function colours(dataset: Dataset, cells: Float64Array, pixels: number, planes: boolean): NativePixels {
  const stored = number(dataset, Tag.BitsStored) ?? 8;
  const top = 2 ** Math.max(0, stored - 8);
  const inPlanes = planes && number(dataset, PLANAR_CONFIGURATION) === 1;
  const values = new Uint8Array(pixels * 3);
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    for (let colour = 0; colour < 3; colour += 1) {
      const from = inPlanes ? colour * pixels + pixel : 3 * pixel + colour;
      values[3 * pixel + colour] = Math.floor((cells[from] ?? 0) / top);
    }
  }
  return { values, components: 3, min: 0, max: 255 };
}
