/** Greys of a slide that names no window: one window for all of its tiles, else each would be stretched for itself. */

import { framePath, type SeriesSummary } from "@/dicomweb/client";
import { number, Tag, text, type Dataset } from "@/dicomweb/json";
import { nativePixels } from "@/dicomweb/nativePixels";
import { reach } from "@/dicomweb/reach";

const UNCOMPRESSED = "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1";
const TILES_LOOKED_AT = 24;
const VOI_LUT_SEQUENCE = "00283010";

/** In 8 bits the whole range is what is meant. */
function needsWindow(object: Dataset): boolean {
  const deep = (number(object, Tag.BitsAllocated) ?? 8) > 8;
  return deep && text(object, Tag.PhotometricInterpretation) === "MONOCHROME2" && !(Tag.WindowCenter in object) && !(VOI_LUT_SEQUENCE in object);
}

function tiles(object: Dataset): number {
  return number(object, Tag.NumberOfFrames) ?? 1;
}

/** `center,width,linear` over the values of the coarsest of its images; undefined where none is needed or they cannot be had. */
export async function slideWindow(series: SeriesSummary, objects: readonly Dataset[]): Promise<string | undefined> {
  const [coarsest] = objects.filter(needsWindow).toSorted((a, b) => tiles(a) - tiles(b));
  if (!coarsest) return undefined;
  const step = Math.max(1, Math.ceil(tiles(coarsest) / TILES_LOOKED_AT));
  const looked = Array.from({ length: Math.ceil(tiles(coarsest) / step) }, (_, index) => 1 + index * step);
  const found = await Promise.allSettled(looked.map((frameNumber) => rangeOf(series, coarsest, frameNumber)));
  const ranges = found.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const [low, high] = [Math.min(...ranges.map(({ min }) => min)), Math.max(...ranges.map(({ max }) => max))];
  return high > low ? `${(low + high + 1) / 2},${high - low + 1},linear` : undefined;
}

async function rangeOf(series: SeriesSummary, object: Dataset, frameNumber: number): Promise<{ readonly min: number; readonly max: number }> {
  const { studyInstanceUid, seriesInstanceUid } = series;
  const path = framePath({ studyInstanceUid, seriesInstanceUid, sopInstanceUid: text(object, Tag.SOPInstanceUID), frameNumber });
  const answer = await reach(path, { headers: { Accept: UNCOMPRESSED }, credentials: "same-origin" });
  if (!answer.ok) throw new Error(`the node answered ${answer.status}`);
  return nativePixels(object, await answer.arrayBuffer(), false);
}
