/** Frames as the node keeps them, or, over a slow link, as HTJ2K: the coarse resolutions first, the whole after them. */

import { cache, imageLoader, utilities, type Types } from "@cornerstonejs/core";
import { createImage } from "@cornerstonejs/dicom-image-loader";

import { number, Tag, text, type Dataset } from "@/dicomweb/json";
import { fetchFrame, joined, keepFrame, keptBeginning, pump, type Fetched, type Wish } from "@/viewport/frameFetch";
import { isSlow, transferTime } from "@/viewport/link";
import { frameOf, STORED } from "@/viewport/metadata";
import { splitPart } from "@/viewport/multipart";

const AS_STORED = 'multipart/related; type="application/octet-stream"; transfer-syntax=*';
const HTJ2K_UID = "1.2.840.10008.1.2.4.202"; // PS3.5 10.17: RPCL, one resolution after the other
/** What cannot be made HTJ2K comes as it is stored. */
const AS_HTJ2K = `image/jphc; transfer-syntax=${HTJ2K_UID}, ${AS_STORED}; q=0.5`;
const EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1";
const COARSE_WORTH_MS = 700; // a whole that comes sooner is awaited
const COARSE_TARGET_MS = 350;
const COARSE_LEVELS_MAX = 5;
const COMPRESSED_SHARE = 0.45; // of the pixels' size, by experience with CT and radiographs

interface Loading {
  readonly abort: AbortController;
  readonly wish: Wish;
  claims: number;
}

const loading = new Map<string, Loading>();
/** Beginnings of frames that were shown coarse. */
const beginnings = new Map<string, Fetched>();
/** Bytes of the frames that came. */
const sizes = new Map<string, number>();
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

/** What Cornerstone asks of a loader; volumes name the buffer that the pixels go to. */
interface LoadOptions {
  readonly requestType?: string;
  readonly [more: string]: unknown;
}

function load(imageId: string, options: LoadOptions = {}): { promise: Promise<Types.IImage>; cancelFn: () => void } {
  const dataset = frameOf(imageId)?.dataset;
  const abort = new AbortController();
  const beginning = beginnings.get(imageId);
  const wish: Wish = {
    path: imageId.slice(STORED.length),
    accept: beginning || wantsHtj2k(dataset) ? AS_HTJ2K : AS_STORED,
    signal: abort.signal,
    urgent: options.requestType !== "prefetch",
    ...(beginning && { range: [beginning.bytes.length] as const }),
    progress: (received, total) => progressOf.get(imageId)?.(received, total),
  };
  loading.set(imageId, { abort, wish, claims: 1 });
  const promise = fetchFrame(wish)
    .then((rest) => {
      const whole = beginning && !rest.kept ? joined([beginning.bytes, rest.bytes], beginning.bytes.length + rest.bytes.length) : rest.bytes;
      sizes.set(imageId, whole.length);
      if (!rest.kept) keepFrame(wish.path, whole, rest.contentType);
      return decode(imageId, whole, rest.contentType, options);
    })
    .finally(() => {
      if (loading.get(imageId)?.wish === wish) loading.delete(imageId);
      beginnings.delete(imageId);
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

/** How many times the sides are halved in what comes in good time; 0 when the whole does. */
export function coarseLevel(bytes: number, time: (bytes: number) => number): number {
  if (time(bytes) < COARSE_WORTH_MS) return 0;
  let level = 1;
  while (level < COARSE_LEVELS_MAX && time(bytes / 4 ** level) > COARSE_TARGET_MS) level += 1;
  return level;
}

/**
 * The image from the first resolutions alone, at its full size; undefined when the whole will soon be here or cannot
 * come by resolutions. Its pixels are not for diagnosis.
 */
export async function loadCoarse(imageId: string, signal: AbortSignal): Promise<Types.IImage | undefined> {
  const dataset = frameOf(imageId)?.dataset;
  if (!imageId.startsWith(STORED) || !dataset || loading.has(imageId) || cache.getImageLoadObject(imageId)) return undefined;
  const path = imageId.slice(STORED.length);
  const kept = await keptBeginning(path);
  if (kept) return coarse(imageId, dataset, kept.fetched, kept.level);
  if (!wantsHtj2k(dataset)) return undefined;
  const expected = bytesExpected(dataset);
  const level = coarseLevel(expected, transferTime);
  if (level === 0) return undefined;
  const end = Math.ceil((expected / 4 ** level) * 1.3);
  const beginning = await fetchFrame({
    path,
    accept: AS_HTJ2K,
    range: [0, end],
    signal,
    urgent: true,
  });
  if (!beginning.contentType.includes(HTJ2K_UID) || beginning.total <= beginning.bytes.length) return undefined;
  const image = await coarse(imageId, dataset, beginning, level);
  beginnings.set(imageId, beginning);
  keepFrame(path, beginning.bytes, beginning.contentType, level);
  return image;
}

async function coarse(imageId: string, dataset: Dataset, { bytes, contentType }: Fetched, level: number): Promise<Types.IImage> {
  const image = await decode(imageId, bytes, contentType, {}, level);
  return enlarged(image, number(dataset, Tag.Rows) ?? image.rows, number(dataset, Tag.Columns) ?? image.columns);
}

/** The same picture in more pixels, so that nothing moves when the whole takes its place. */
function enlarged(image: Types.IImage, rows: number, columns: number): Types.IImage {
  const from = image.getPixelData();
  const samples = image.numberOfComponents;
  const pixels = new (from.constructor as Uint16ArrayConstructor)(rows * columns * samples);
  for (let y = 0, to = 0; y < rows; y += 1) {
    const row = Math.min(image.rows - 1, Math.trunc((y * image.rows) / rows)) * image.columns;
    for (let x = 0; x < columns; x += 1) {
      const at = (row + Math.min(image.columns - 1, Math.trunc((x * image.columns) / columns))) * samples;
      for (let sample = 0; sample < samples; sample += 1, to += 1) pixels[to] = from[at + sample] ?? 0;
    }
  }
  const voxelManager = utilities.VoxelManager.createImageVoxelManager({
    width: columns,
    height: rows,
    scalarData: pixels,
    numberOfComponents: samples,
  });
  const size = { rows, columns, height: rows, width: columns };
  const whole = { ...image, ...size, voxelManager, getPixelData: () => pixels } as Types.IImage;
  coarseImages.add(whole);
  return whole;
}

const coarseImages = new WeakSet<object>();

/** Whether it was made of the first resolutions alone. */
export function isCoarse(image: object | undefined): boolean {
  return image !== undefined && coarseImages.has(image);
}

export function forgetFrames(): void {
  for (const imageId of loading.keys()) release(imageId);
  beginnings.clear();
  sizes.clear();
}

export function installFrameLoader(): void {
  imageLoader.registerImageLoader(STORED.slice(0, -1), load as Parameters<typeof imageLoader.registerImageLoader>[1]);
}
