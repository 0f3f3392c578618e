/** What a region holds in each of many images: the values that a curve over time is drawn of. */

import { Enums, utilities, type Types } from "@cornerstonejs/core";
import type { Types as ToolTypes } from "@cornerstonejs/tools";

import type { Frame } from "@/dicomweb/frames";
import type { Vector, VolumeGeometry } from "@/dicomweb/geometry";
import { loadFrame } from "@/viewport/frameLoader";
import { imageIdOf, nextImageId, register, RENDERED, unregister } from "@/viewport/metadata";
import { figuresOf, outlineOf } from "@/viewport/planeRegions";
import type { RegionValues } from "@/viewport/sampling";
import { acquire, release } from "@/viewport/volumeData";

const { RequestType } = Enums;

/** The region drawn on an image, counted in its pixels; undefined for what encloses nothing. */
export function shapeIn(drawn: ToolTypes.Annotation, data: Pick<Types.IImageData, "imageData">): ReturnType<typeof outlineOf> {
  // Where a region keeps its form: axes of ellipses stay those of the image.
  const flat = (point: Vector): Vector => {
    const [column = 0, row = 0] = utilities.transformWorldToIndexContinuous(data.imageData, [...point]);
    return [column, row, 0];
  };
  return outlineOf(drawn, flat, [0, 0, 1], [1, 0, 0]);
}

/** Indices of the pixels whose centres lie in a region drawn on an image; undefined for what encloses nothing. */
export function pixelsIn(drawn: ToolTypes.Annotation, data: Types.IImageData): number[] | undefined {
  const [columns, rows] = data.dimensions;
  const shape = shapeIn(drawn, data);
  if (!shape) return undefined;
  const ends = [0, 1].map((axis) => {
    const along = shape.corners.map((corner) => corner[axis] ?? 0);
    return [Math.max(0, Math.floor(Math.min(...along))), Math.ceil(Math.max(...along))] as const;
  });
  const [[left, right], [top, bottom]] = ends as [readonly [number, number], readonly [number, number]];
  const found: number[] = [];
  for (let row = top; row <= Math.min(bottom, rows - 1); row += 1) {
    for (let column = left; column <= Math.min(right, columns - 1); column += 1) {
      if (shape.contains([column, row, 0])) found.push(row * columns + column);
    }
  }
  return found;
}

/** The values of these pixels in one image after the other. Rejects where only a picture of one can be had, or when given up. */
export async function curveOf(
  frames: readonly Frame[],
  pixels: readonly number[],
  progress: (done: number) => void,
  signal: AbortSignal,
): Promise<readonly RegionValues[]> {
  for (const frame of frames) register(frame);
  try {
    const found: RegionValues[] = [];
    for (const frame of frames) {
      signal.throwIfAborted();
      const image = await imageOf(frame);
      found.push(statistics(pixels.map(reader(image))));
      progress(found.length);
    }
    return found;
  } finally {
    for (const frame of frames) unregister(frame);
  }
}

/** The values of a region on a plane in one moment of the volume after the other, as far as they are in it. */
export async function regionThrough(
  drawn: ToolTypes.Annotation,
  volumes: readonly VolumeGeometry[],
  progress: (done: number) => void,
  signal: AbortSignal,
): Promise<readonly RegionValues[]> {
  const found: RegionValues[] = [];
  for (const volume of volumes) {
    signal.throwIfAborted();
    try {
      const { mean, stdDev, min, max, count } = figuresOf(drawn, await acquire(volume, "planes", nobody)) ?? {};
      if (mean === undefined || stdDev === undefined || min === undefined || max === undefined || count === undefined) {
        throw new Error("the region lies outside the volume");
      }
      found.push({ mean, stdDev, min, max, count });
    } finally {
      release(volume, "planes", nobody);
    }
    progress(found.length);
  }
  return found;
}

function nobody(): void {}

async function imageOf(frame: Frame): Promise<Types.IImage> {
  let imageId: string | undefined = imageIdOf(frame);
  while (imageId !== undefined && !imageId.startsWith(RENDERED)) {
    try {
      return await loadFrame(imageId, { requestType: RequestType.Prefetch, priority: 1, additionalDetails: { imageId } });
    } catch {
      imageId = nextImageId(frame, imageId);
    }
  }
  throw new Error("its pixels cannot be read here");
}

/** Modality values; of colours how bright they are (ITU-R BT.601). */
export function reader(image: Types.IImage): (pixel: number) => number {
  const values = image.getPixelData();
  if (!image.color) return (pixel) => values[pixel] ?? Number.NaN;
  const components = values.length / (image.rows * image.columns);
  return (pixel) => {
    const [red = 0, green = 0, blue = 0] = values.slice(pixel * components, pixel * components + 3);
    return 0.299 * red + 0.587 * green + 0.114 * blue;
  };
}

export function statistics(values: readonly number[]): RegionValues {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  const stdDev = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count);
  const [min, max] = values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
  return { count, mean, stdDev, min, max };
}
