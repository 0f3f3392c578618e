/** Frames as the node keeps them, or, over a slow link, as HTJ2K: the coarse resolutions first, the whole after them. */

import { cache, imageLoader, type Types } from "@cornerstonejs/core";
import { createImage } from "@cornerstonejs/dicom-image-loader";

import { number, Tag, text, type Dataset } from "@/dicomweb/json";
import { Arrival } from "@/viewport/arrival";
import { enlarged, HTJ2K_UID, Refining } from "@/viewport/coarse";
import { fetchFrame, keepFrame, keptBeginning, pump, type Wish } from "@/viewport/frameFetch";
import { isSlow, takesLong } from "@/viewport/link";
import { frameOf, STORED } from "@/viewport/metadata";
import { splitPart } from "@/viewport/multipart";

const AS_STORED = 'multipart/related; type="application/octet-stream"; transfer-syntax=*';
/** What cannot be made HTJ2K comes as it is stored. */
const AS_HTJ2K = `image/jphc; transfer-syntax=${HTJ2K_UID}, ${AS_STORED}; q=0.5`;
const EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1";
const COMPRESSED_SHARE = 0.45; // of the pixels' size, by experience with CT and radiographs
const BEGINNINGS_BYTES_MAX = 32 << 20;

interface Loading {
  readonly abort: AbortController;
  readonly wish: Wish;
  claims: number;
}

const loading = new Map<string, Loading>();
/** What came of frames that were given up on the way, oldest first: whoever asks again goes on from there. */
const beginnings = new Map<string, Arrival>();
/** Bytes of the frames that came. */
const sizes = new Map<string, number>();
/** Who is shown what there is of an image, by the image. */
const watching = new Map<string, Set<Refining>>();
const progressOf = new Map<string, (received: number, total: number) => void>();

/** Be told of the bytes of one image; undefined: no more. */
export function followBytes(imageId: string, progress: ((received: number, total: number) => void) | undefined): void {
  if (progress) progressOf.set(imageId, progress);
  else progressOf.delete(imageId);
}

/** The image, from the cache where it is there; asked for until it is released. */
export function loadFrame(imageId: string, options: LoadOptions): Promise<Types.IImage> {
  const one = loading.get(imageId);
  if (one) {
    one.claims += 1;
    if (options.requestType !== "prefetch" && !one.wish.urgent) {
      one.wish.urgent = true;
      pump();
    }
  }
  return imageLoader.loadAndCacheImage(imageId, { priority: 0, requestType: "interaction", ...options });
}

/** No longer ask for it: when nobody else does, and it is not here yet, it is given up. */
export function release(imageId: string): void {
  const one = loading.get(imageId);
  if (!one) return;
  one.claims -= 1;
  if (one.claims > 0) return;
  loading.delete(imageId);
  one.abort.abort();
  keepBeginning(one.wish);
  if (cache.getImageLoadObject(imageId)) cache.removeImageLoadObject(imageId);
}

function isLossy(dataset: Dataset): boolean {
  return text(dataset, Tag.LossyImageCompression) === "01";
}

/** Stored lossy frames are smaller than anything that could be made of them. */
function wantsHtj2k(dataset: Dataset | undefined): boolean {
  return dataset !== undefined && isSlow() && !isLossy(dataset);
}

/** Bytes of a frame as it came, undefined while it has not. */
export function bytesOf(imageId: string): number | undefined {
  return sizes.get(imageId);
}

export function bytesExpected(dataset: Dataset): number {
  const value = (tag: string, otherwise: number): number => number(dataset, tag) ?? otherwise;
  const pixels = value(Tag.Rows, 0) * value(Tag.Columns, 0) * value(Tag.SamplesPerPixel, 1);
  return pixels * Math.ceil(value(Tag.BitsAllocated, 8) / 8) * COMPRESSED_SHARE;
}

/** Whether it is not here, and takes long to come. */
export function isLong(imageId: string): boolean {
  const dataset = frameOf(imageId)?.dataset;
  return dataset !== undefined && !cache.isLoaded(imageId) && takesLong(bytesExpected(dataset));
}

/** What Cornerstone asks of a loader; volumes name the buffer that the pixels go to. */
interface LoadOptions {
  readonly requestType?: string;
  readonly [more: string]: unknown;
}

function load(imageId: string, options: LoadOptions = {}): { promise: Promise<Types.IImage>; cancelFn: () => void } {
  const dataset = frameOf(imageId)?.dataset;
  const abort = new AbortController();
  const path = imageId.slice(STORED.length);
  const arrival = beginnings.get(path) ?? new Arrival(wantsHtj2k(dataset) ? AS_HTJ2K : AS_STORED);
  beginnings.delete(path);
  const wish: Wish = {
    path,
    arrival,
    expected: arrival.total || (dataset ? bytesExpected(dataset) : 0),
    signal: abort.signal,
    urgent: options.requestType !== "prefetch",
    progress: () => {
      progressOf.get(imageId)?.(arrival.received, arrival.total);
      watching.get(imageId)?.forEach((one) => one.look());
    },
  };
  loading.set(imageId, { abort, wish, claims: 1 });
  const promise = fetchFrame(wish)
    .then(({ bytes, contentType, kept }) => {
      sizes.set(imageId, bytes.length);
      if (!kept) keepFrame(path, bytes, contentType);
      return decode(imageId, bytes, contentType, options);
    })
    .then((image) => {
      abort.signal.throwIfAborted(); // given up while it was decoded: nobody has a place for it any more
      return image;
    })
    .finally(() => {
      if (loading.get(imageId)?.wish !== wish) return;
      loading.delete(imageId);
      if (!arrival.isWhole) keepBeginning(wish);
    });
  return { promise, cancelFn: () => release(imageId) };
}

async function decode(
  imageId: string,
  body: Uint8Array<ArrayBuffer>,
  contentType: string,
  options: LoadOptions = {},
  decodeLevel = 0,
): Promise<Types.IImage> {
  const part = splitPart(contentType, body);
  const transferSyntax = /transfer-syntax="?([0-9.]+)/.exec(part.contentType)?.[1] ?? EXPLICIT_LITTLE_ENDIAN;
  return (await createImage(imageId, part.bytes, transferSyntax, { ...options, decodeLevel })) as Types.IImage;
}

/** Keep what came of it, as long as there is room. */
function keepBeginning({ path, arrival }: Wish): void {
  if (!arrival.lasts) return;
  beginnings.set(path, arrival);
  let bytes = [...beginnings.values()].reduce((sum, { received }) => sum + received, 0);
  for (const [oldest, { received }] of beginnings) {
    if (bytes <= BEGINNINGS_BYTES_MAX) return;
    beginnings.delete(oldest);
    bytes -= received;
  }
}

/**
 * Be shown what there is of an image that is on its way: now, and whenever enough has come for twice as many pixels along
 * each side. Those are not for diagnosis. Returns how to stop, which is before the whole is shown.
 */
export function followCoarse(imageId: string, show: (image: Types.IImage) => void): () => void {
  const dataset = frameOf(imageId)?.dataset;
  if (!imageId.startsWith(STORED) || !dataset) return () => {};
  const path = imageId.slice(STORED.length);
  const refining = new Refining(
    () => loading.get(imageId)?.wish.arrival ?? beginnings.get(path),
    async ({ contentType, bytes }, level) => {
      const image = await coarse(imageId, dataset, bytes, contentType, level);
      if (!followers.has(refining)) return;
      show(image);
      keepFrame(path, bytes, contentType, level);
    },
  );
  const followers = watching.get(imageId) ?? new Set();
  watching.set(imageId, followers.add(refining));
  refining.look();
  return () => {
    followers.delete(refining);
    if (followers.size === 0 && watching.get(imageId) === followers) watching.delete(imageId);
  };
}

/** What this device has of an image of which it has no more, while the node is out of reach. Not for diagnosis. */
export async function keptCoarse(imageId: string): Promise<Types.IImage | undefined> {
  const dataset = frameOf(imageId)?.dataset;
  if (!imageId.startsWith(STORED) || !dataset || cache.getImageLoadObject(imageId)) return undefined;
  const kept = await keptBeginning(imageId.slice(STORED.length));
  return kept && coarse(imageId, dataset, kept.fetched.bytes, kept.fetched.contentType, kept.level);
}

async function coarse(imageId: string, dataset: Dataset, bytes: Uint8Array<ArrayBuffer>, contentType: string, level: number): Promise<Types.IImage> {
  const image = await decode(imageId, bytes, contentType, {}, level);
  return enlarged(image, number(dataset, Tag.Rows) ?? image.rows, number(dataset, Tag.Columns) ?? image.columns);
}

export function forgetFrames(): void {
  for (const imageId of loading.keys()) release(imageId);
  beginnings.clear();
  sizes.clear();
}

export function installFrameLoader(): void {
  imageLoader.registerImageLoader(STORED.slice(0, -1), load as Parameters<typeof imageLoader.registerImageLoader>[1]);
}
