/** Volumes in memory: every voxel a modality value of the object's own pixels, shared by the viewports that show it. */

import { cache, Enums, imageLoader, metaData, utilities, volumeLoader, type Types } from "@cornerstonejs/core";

import type { Frame } from "@/dicomweb/frames";
import type { VolumeGeometry } from "@/dicomweb/geometry";
import { number, Tag, text, type Dataset } from "@/dicomweb/json";
import { openingOf, widened } from "@/tools/presets";
import { bytesExpected, bytesOf, loadFrame } from "@/viewport/frameLoader";
import { imageIdOf, nextImageId, register, RENDERED, unregister } from "@/viewport/metadata";
import type { VolumeFailure, VolumeListener } from "@/viewport/volumeContract";

const { MetadataModules, RequestType } = Enums;

const AT_ONCE = 4;
const SOLID_VOXELS = 1 << 23; // what software and small cards render while being turned

/** `planes`: every voxel where there is room; `solid`: as many as can be rendered in three dimensions. */
export type Purpose = "planes" | "solid";

export interface VoxelVolume {
  readonly id: string;
  readonly dimensions: readonly [number, number, number];
  readonly spacing: readonly [number, number, number];
  readonly origin: readonly [number, number, number];
  readonly reduced: boolean;
  /** The window of the image in the middle, and the one that its readers open it with. */
  readonly stored: Types.VOIRange;
  readonly range: Types.VOIRange;
  readonly sigmoid: boolean;
  /** Much is black: so stored (MONOCHROME1), and so opened. */
  readonly storedInverted: boolean;
  readonly inverted: boolean;
  readonly lowest: number;
  readonly highest: number;
  /** Directions of columns, rows and slices in the patient, nine numbers. */
  readonly direction: readonly number[];
  /** Modality values, columns first. */
  readonly values: Float32Array | Int16Array;
  /** Of one of its images: units, patient. */
  readonly dataset: Dataset;
}

export class VolumeError extends Error {
  constructor(readonly why: VolumeFailure) {
    super(why);
  }
}

/** Cornerstone asks for a slice of a volume as for any image: it is the one that is there. */
export function installSliceLoader(): void {
  for (const purpose of ["planes", "solid"] satisfies Purpose[]) {
    imageLoader.registerImageLoader(purpose, (imageId: string) => {
      const slice = cache.getImage(imageId);
      return { promise: slice ? Promise.resolve(slice) : Promise.reject(new Error("the volume is gone")) };
    });
  }
}

type Progress = VolumeListener["progress"];

interface Held {
  readonly made: Promise<VoxelVolume>;
  readonly abort: AbortController;
  readonly watchers: Set<Progress>;
  holders: number;
  /** How far it is. */
  told: Parameters<Progress> | undefined;
}

const held = new Map<string, Held>();

const standing = new Map<string, VoxelVolume>();

/** The volume that Cornerstone names as the target of a measurement. */
export function voxelsOf(targetId: string): VoxelVolume | undefined {
  return standing.get(targetId.startsWith("volumeId:") ? utilities.getVolumeId(targetId) : targetId);
}

function keyOf(volume: VolumeGeometry, purpose: Purpose): string {
  const [first] = volume.frames;
  return `${purpose}:${first?.seriesInstanceUid}:${first?.sopInstanceUid}:${first?.frameNumber}:${volume.frames.length}`;
}

/** The voxels of a volume, made when nobody holds them yet; give them back with `release`. Rejects with VolumeError. */
export function acquire(volume: VolumeGeometry, purpose: Purpose, progress: Progress): Promise<VoxelVolume> {
  const key = keyOf(volume, purpose);
  let one = held.get(key);
  if (!one) {
    const abort = new AbortController();
    const watchers = new Set<Progress>();
    const tell: Progress = (...told) => {
      const own = held.get(key);
      if (own?.watchers === watchers) own.told = told;
      watchers.forEach((watch) => watch(...told));
    };
    const made = Promise.resolve().then(() => make(key, volume, purpose, tell, abort.signal)); // who watches is there when it begins
    one = { made, abort, watchers, holders: 0, told: undefined };
    made.catch(() => held.delete(key)); // the next who asks tries again
    held.set(key, one);
  }
  one.holders += 1;
  one.watchers.add(progress);
  if (one.told) progress(...one.told); // who comes later knows as much
  return one.made;
}

export function release(volume: VolumeGeometry, purpose: Purpose, progress: Progress): void {
  const key = keyOf(volume, purpose);
  const one = held.get(key);
  if (!one) return;
  one.watchers.delete(progress);
  one.holders -= 1;
  if (one.holders > 0) return;
  held.delete(key);
  one.abort.abort();
  one.made.then(({ id }) => discard(id)).catch(() => {});
}

function discard(id: string): void {
  standing.delete(id);
  const volume = cache.getVolume(id);
  if (!volume) return;
  const slices = [...volume.imageIds];
  cache.removeVolumeLoadObject(id);
  volume.vtkOpenGLTexture.releaseGraphicsResources(); // the cache gives back its own memory only
  for (const slice of slices) if (cache.getImageLoadObject(slice)) cache.removeImageLoadObject(slice, { force: true });
}

/** Bytes that one volume may take: a quarter of what images may, which is a quarter of the device's memory. */
function bytesMax(): number {
  return cache.getMaxCacheSize() / 4;
}

const TEXTURE_LONGEST = 2048; // what every WebGL 2 card has (MAX_3D_TEXTURE_SIZE is at least 256, in practice this)

/** By how many voxels are put together along each direction, so that the volume fits. */
export function reductionFor(dimensions: readonly number[], voxelsMax: number): [number, number, number] {
  const factor: [number, number, number] = [1, 1, 1];
  const size = (axis: number): number => Math.ceil((dimensions[axis] ?? 1) / (factor[axis] ?? 1));
  const fits = (): boolean => size(0) * size(1) * size(2) <= voxelsMax && Math.max(size(0), size(1), size(2)) <= TEXTURE_LONGEST;
  while (!fits() && Math.max(size(0), size(1), size(2)) > 1) {
    const longest = [0, 1, 2].toSorted((a, b) => size(b) - size(a))[0] ?? 0;
    factor[longest] = (factor[longest] ?? 1) + 1;
  }
  return factor;
}

async function make(
  id: string,
  volume: VolumeGeometry,
  purpose: Purpose,
  progress: Progress,
  signal: AbortSignal,
): Promise<VoxelVolume> {
  const { frames, dimensions, spacing, origin, direction } = volume;
  const wide = frames.some(({ dataset }) => needsFloats(dataset));
  const room = bytesMax() / (wide ? 4 : 2);
  const factor = reductionFor(dimensions, purpose === "solid" ? Math.min(SOLID_VOXELS, room) : room);
  const reduced = factor.some((one) => one > 1);
  const size = dimensions.map((length, axis) => Math.ceil(length / (factor[axis] ?? 1))) as [number, number, number];
  const voxels = allocate(size[0] * size[1] * size[2], wide || reduced);
  const put = reduced ? averaging(voxels, dimensions, size, factor) : copying(voxels, dimensions);
  await loadAll(frames, put, progress, signal);
  const step = spacing.map((length, axis) => length * (factor[axis] ?? 1)) as [number, number, number];
  const first = origin.map(
    (start, axis) =>
      start +
      [0, 1, 2].reduce((sum, along) => {
        return sum + (direction[3 * along + axis] ?? 0) * (((factor[along] ?? 1) - 1) / 2) * (spacing[along] ?? 0);
      }, 0),
  ) as [number, number, number];
  let [lowest, highest] = [Infinity, -Infinity];
  for (const value of voxels) {
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
  }
  try {
    volumeLoader.createLocalVolume(id, {
      metadata: metadataOf(volume),
      dimensions: size,
      spacing: step,
      origin: first,
      direction: [...direction] as unknown as Types.Mat3,
      scalarData: voxels,
    });
  } catch {
    throw new VolumeError("memory");
  }
    const middle = frames[frames.length >> 1]?.dataset ?? {};
  const sigmoid = text(middle, "00281056") === "SIGMOID";
  const stored = windowOf(middle) ?? { lower: lowest, upper: highest > lowest ? highest : lowest + 1 };
  const storedInverted = text(middle, Tag.PhotometricInterpretation) === "MONOCHROME1";
  const opening = openingOf(middle);
  const made: VoxelVolume = {
    id,
    dimensions: size,
    spacing: step,
    origin: first,
    direction,
    values: voxels,
    dataset: middle,
    reduced,
    stored,
    range: opening.range ?? stored,
    sigmoid: sigmoid && !opening.range,
    storedInverted,
    inverted: storedInverted || opening.inverted,
    lowest,
    highest,
  };
  tellOfSlices(id, made);
  standing.set(id, made);
  return made;
}

/**
 * What Cornerstone asks about the slices of a volume: it says itself that each lies where the first one does, and then finds none
 * at the place of a plane; and of a window it knows nothing but the least and the greatest value, which may be one.
 */
function tellOfSlices(id: string, { origin, direction, spacing, stored }: VoxelVolume): void {
  const { windowCenter, windowWidth } = utilities.windowLevel.toWindowLevel(stored.lower, stored.upper);
  const { add: tell } = utilities.genericMetadataProvider;
  for (const [slice, imageId] of (cache.getVolume(id)?.imageIds ?? []).entries()) {
    const known = metaData.get(MetadataModules.IMAGE_PLANE, imageId) as object | undefined;
    const imagePositionPatient = origin.map((start, axis) => start + slice * spacing[2] * (direction[6 + axis] ?? 0));
    tell(imageId, { type: MetadataModules.IMAGE_PLANE, metadata: { ...known, imagePositionPatient } });
    tell(imageId, { type: MetadataModules.VOI_LUT, metadata: { windowCenter: [windowCenter], windowWidth: [windowWidth] } });
  }
}

const [RESCALE_INTERCEPT, RESCALE_SLOPE] = ["00281052", "00281053"];

/** Whether values may be fractions, or beyond 16 bits with a sign. */
function needsFloats(dataset: Dataset): boolean {
  const [slope, intercept] = [number(dataset, RESCALE_SLOPE) ?? 1, number(dataset, RESCALE_INTERCEPT) ?? 0];
  const stored = number(dataset, Tag.BitsStored) ?? 16;
  const highest = 2 ** (number(dataset, Tag.PixelRepresentation) === 1 ? stored - 1 : stored);
  const lowest = number(dataset, Tag.PixelRepresentation) === 1 ? -highest : 0;
  const ends = [highest * slope + intercept, lowest * slope + intercept];
  const whole = Number.isInteger(slope) && Number.isInteger(intercept);
  return !whole || ends.some((value) => value > 32768 || value < -32768) || !(Tag.PixelData in dataset);
}

function allocate(length: number, floats: boolean): Float32Array | Int16Array {
  try {
    return floats ? new Float32Array(length) : new Int16Array(length);
  } catch {
    throw new VolumeError("memory");
  }
}

type Put = (slice: number, values: ArrayLike<number>) => void;

function copying(voxels: Float32Array | Int16Array, [columns, rows]: readonly number[]): Put {
  const length = (columns ?? 0) * (rows ?? 0);
  return (slice, values) => voxels.set(values, slice * length);
}

/** How many voxels are put together with the one at `index`: fewer at the end. */
function inGroup(index: number, factor: number, length: number): number {
  return Math.min(factor, length - Math.trunc(index / factor) * factor);
}

/** Voxels that are put together have the mean of their values. */
function averaging(
  voxels: Float32Array | Int16Array,
  [columns = 0, rows = 0, slices = 0]: readonly number[],
  [width, height]: readonly [number, number, number],
  [fx, fy, fz]: readonly [number, number, number],
): Put {
  return (slice, values) => {
    const z = Math.trunc(slice / fz) * width * height;
    const depth = inGroup(slice, fz, slices);
    for (let row = 0; row < rows; row += 1) {
      const line = z + Math.trunc(row / fy) * width;
      const share = depth * inGroup(row, fy, rows);
      for (let column = 0; column < columns; column += 1) {
        const at = line + Math.trunc(column / fx);
        voxels[at] = (voxels[at] ?? 0) + (values[row * columns + column] ?? 0) / (share * inGroup(column, fx, columns));
      }
    }
  };
}

async function loadAll(frames: readonly Frame[], put: Put, progress: Progress, signal: AbortSignal): Promise<void> {
  for (const frame of frames) register(frame);
  try {
    let [next, loaded, came] = [0, 0, 0];
    const expected = frames[0] ? bytesExpected(frames[0].dataset) : 0;
    progress(0, frames.length, frames.length * expected);
    const lane = async (): Promise<void> => {
      while (next < frames.length && !signal.aborted) {
        const index = next;
        next += 1;
        const frame = frames[index];
        if (!frame) return;
        put(index, await valuesOf(frame));
        loaded += 1;
        came += bytesOf(imageIdOf(frame)) ?? 0;
        progress(loaded, frames.length, (frames.length - loaded) * (came / loaded || expected));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    if (signal.aborted) throw new VolumeError("memory");
  } finally {
    for (const frame of frames) unregister(frame);
  }
}

/** Modality values of one image. Raises VolumeError where only a picture of it can be had. */
async function valuesOf(frame: Frame): Promise<ArrayLike<number>> {
  let imageId: string | undefined = imageIdOf(frame);
  while (imageId !== undefined && !imageId.startsWith(RENDERED)) {
    try {
      const options = { requestType: RequestType.Prefetch, priority: 1, additionalDetails: { imageId } };
      const image = await loadFrame(imageId, options);
      if (!image.color) return image.getPixelData() as ArrayLike<number>;
      break;
    } catch {
      imageId = nextImageId(frame, imageId);
    }
  }
  throw new VolumeError("pixels");
}

function windowOf(dataset: Dataset): Types.VOIRange | undefined {
  const [center, width] = [number(dataset, Tag.WindowCenter), number(dataset, Tag.WindowWidth)];
  if (center === undefined || width === undefined || width <= 0) return undefined;
  return widened(utilities.windowLevel.toLowHighRange(width, center) as Types.VOIRange) as Types.VOIRange;
}

function metadataOf({ frames, frameOfReferenceUid, direction, spacing }: VolumeGeometry): Types.Metadata {
  const dataset = frames[0]?.dataset ?? {};
  const whole = (tag: string, otherwise: number): number => number(dataset, tag) ?? otherwise;
  return {
    BitsAllocated: 16,
    BitsStored: 16,
    SamplesPerPixel: 1,
    HighBit: 15,
    PhotometricInterpretation: text(dataset, Tag.PhotometricInterpretation) || "MONOCHROME2",
    PixelRepresentation: 1,
    Modality: text(dataset, Tag.Modality),
    SeriesInstanceUID: frames[0]?.seriesInstanceUid ?? "",
    ImageOrientationPatient: direction.slice(0, 6),
    PixelSpacing: [spacing[1], spacing[0]],
    FrameOfReferenceUID: frameOfReferenceUid || "patient",
    Columns: whole(Tag.Columns, 0),
    Rows: whole(Tag.Rows, 0),
    voiLut: [],
    VOILUTFunction: "LINEAR",
  } as unknown as Types.Metadata;
}
