/** Pictures along a curve through a volume. They are calculated here from its voxels, so they ask for no graphics card. */

import type { Vector, VolumeGeometry } from "@/dicomweb/geometry";
import { windowOf, type Preset } from "@/tools/presets";
import type { PixelReading } from "@/viewport/contract";
import { rangeOf } from "@/viewport/planeOverlay";
import { indexAt, valueAt } from "@/viewport/sampling";
import { valuesOn, type SheetSlab } from "@/viewport/sheets";
import type { CurvedListener, CurvedView, Sheet, VolumeListener } from "@/viewport/volumeContract";
import { acquire, release, VolumeError, type VoxelVolume } from "@/viewport/volumeData";

interface Range {
  readonly lower: number;
  readonly upper: number;
}

const NARROWEST = 1;

export class CalculatedCurvedView implements CurvedView {
  private voxels: VoxelVolume | undefined;
  private range: Range = { lower: 0, upper: 1 };
  private sigmoid = false;
  private inverted = false;
  private closed = false;
  private readonly progress: VolumeListener["progress"];

  constructor(
    private readonly listener: CurvedListener,
    private readonly geometry: VolumeGeometry,
  ) {
    this.progress = (loaded, total, bytesLeft) => this.listener.progress(loaded, total, bytesLeft);
    acquire(geometry, "planes", this.progress).then(
      (voxels) => this.filled(voxels),
      (error: unknown) => this.closed || listener.failed(error instanceof VolumeError ? error.why : "memory"),
    );
  }

  valuesOn(sheet: Sheet, slab: SheetSlab): Float32Array | undefined {
    return this.voxels && valuesOn(this.voxels, sheet, slab);
  }

  picture(values: Float32Array, width: number): ImageData {
    const picture = new ImageData(width, values.length / width);
    const { lower, upper } = this.range;
    const black = this.inverted ? 255 : 0;
    for (let index = 0; index < values.length; index += 1) {
      const value = values[index] ?? NaN;
      if (value !== value) continue; // nothing is there: transparent
      const share = (value - lower) / (upper - lower);
      const level = 255 * (this.sigmoid ? 1 / (1 + Math.exp(-4 * (share - 0.5))) : share);
      const grey = Math.abs(black - Math.min(255, Math.max(0, level)));
      picture.data.set([grey, grey, grey, 255], 4 * index);
    }
    return picture;
  }

  pixelAt(point: Vector): PixelReading | undefined {
    const { voxels } = this;
    if (!voxels) return undefined;
    const [column, row, slice] = indexAt(voxels, point).map(Math.round) as [number, number, number];
    const value = valueAt(voxels, [column, row, slice]);
    return value === undefined ? undefined : { column, row, slice, values: [value] };
  }

  /** Across: how wide; up: how dark. */
  drag(right: number, down: number): void {
    const { voxels } = this;
    if (!voxels) return;
    const speed = Math.max(0.01, (voxels.highest - voxels.lowest) / 2048);
    const width = Math.max(NARROWEST, this.range.upper - this.range.lower + right * speed);
    const middle = (this.range.lower + this.range.upper) / 2 + down * speed;
    this.range = { lower: middle - width / 2, upper: middle + width / 2 };
    this.tell();
  }

  step(count: number): void {
    this.listener.stepped(count);
  }

  show(index: number): void {
    this.listener.stepped(index);
  }

  /** Its pictures have one hand: place, window. */
  setTool(): void {}

  applyPreset(preset: Preset): void {
    if (!this.voxels) return;
    this.range = rangeOf(this.voxels, preset);
    this.sigmoid = this.voxels.sigmoid && preset.kind === "stored";
    this.tell();
  }

  invert(): void {
    this.inverted = !this.inverted;
    this.tell();
  }

  reset(): void {
    if (!this.voxels) return;
    ({ range: this.range, sigmoid: this.sigmoid, inverted: this.inverted } = this.voxels);
    this.tell();
  }

  clear(): undefined {}

  letGo(): void {}

  close(): void {
    this.closed = true;
    release(this.geometry, "planes", this.progress);
  }

  private filled(voxels: VoxelVolume): void {
    if (this.closed) return;
    this.voxels = voxels;
    this.reset();
    this.listener.ready(voxels.reduced);
  }

  private tell(): void {
    this.listener.viewed({ window: windowOf(this.range), zoom: 1, inverted: this.inverted !== (this.voxels?.storedInverted === true) });
  }
}
