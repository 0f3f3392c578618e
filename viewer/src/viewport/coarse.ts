/** An image before the whole of it is here: its first resolutions, finer and finer as they come. */

import { utilities, type Types } from "@cornerstonejs/core";

import type { Arrival } from "@/viewport/arrival";
import { coarseLevel, levelWithin } from "@/viewport/levels";
import { transferTime } from "@/viewport/link";

export const HTJ2K_UID = "1.2.840.10008.1.2.4.202"; // PS3.5 10.17: RPCL, one resolution after the other

/** What there is of a frame. */
export interface Beginning {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
}

export class Refining {
  /** How many times the sides are halved in what was shown last. */
  private shown = Infinity;
  private busy = false;

  constructor(
    private readonly arrived: () => Arrival | undefined,
    private readonly show: (beginning: Beginning, level: number) => Promise<void>,
  ) {}

  /** More has come. */
  look(): void {
    const arrival = this.arrived();
    if (this.busy || !arrival || arrival.isWhole || !arrival.contentType.includes(HTJ2K_UID)) return;
    const { received, total, contentType } = arrival;
    const coarsest = Math.min(this.shown - 1, coarseLevel(total, transferTime));
    const level = levelWithin(received, total);
    if (level > coarsest) return;
    this.busy = true;
    this.shown = level;
    this.show({ bytes: arrival.joined(), contentType }, level)
      .catch(() => {}) // a finer one or the whole will do
      .finally(() => {
        this.busy = false;
        this.look();
      });
  }
}

/** The same picture in more pixels, so that nothing moves when the whole takes its place. */
export function enlarged(image: Types.IImage, rows: number, columns: number): Types.IImage {
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
