/** What lies over an image of a stack: another volume on the plane of the screen, through a colour map. */

import type { Vector, VolumeGeometry } from "@/dicomweb/geometry";
import type { Ends, Preset } from "@/tools/presets";
import type { PixelReading } from "@/viewport/contract";
import { colourTable, LEVELS } from "@/viewport/colours";
import { rangeOf } from "@/viewport/planeOverlay";
import { nearestValue } from "@/viewport/sampling";
import { valuesOn } from "@/viewport/sheets";
import type { LayerListener, Overlay, Sheet, VolumeLayer } from "@/viewport/volumeContract";
import { acquire, release, VolumeError, type VoxelVolume } from "@/viewport/volumeData";

export class CalculatedLayer implements VolumeLayer {
  private voxels: VoxelVolume | undefined;
  private closed = false;

  constructor(
    private readonly geometry: VolumeGeometry,
    listener: LayerListener,
  ) {
    acquire(geometry, "planes", nobody).then(
      (voxels) => {
        if (this.closed) return;
        this.voxels = voxels;
        listener.ready();
      },
      (error: unknown) => this.closed || listener.failed(error instanceof VolumeError ? error.why : "memory"),
    );
  }

  picture(sheet: Sheet, looks: Overlay): ImageData | undefined {
    const { voxels } = this;
    const { opacity, ramped, preset } = looks;
    if (!voxels || sheet.columns.length === 0 || sheet.rows === 0) return undefined;
    const table = colourTable(looks);
    const { lower, upper } = rangeOf(voxels, preset);
    const picture = new ImageData(sheet.columns.length, sheet.rows);
    for (const [index, value] of valuesOn(voxels, sheet, { mm: 0, mode: "maximum" }).entries()) {
      if (value !== value) continue; // beside the volume
      const share = Math.min(1, Math.max(0, (value - lower) / (upper - lower)));
      const level = 3 * Math.round(share * (LEVELS - 1));
      const alpha = 255 * opacity * (ramped ? share : 1);
      picture.data.set([255 * (table[level] ?? 0), 255 * (table[level + 1] ?? 0), 255 * (table[level + 2] ?? 0), alpha], 4 * index);
    }
    return picture;
  }

  ends(preset: Preset | undefined): Ends | undefined {
    return this.voxels && rangeOf(this.voxels, preset);
  }

  valueAt(point: Vector): PixelReading["over"] {
    const value = this.voxels && nearestValue(this.voxels, point);
    return value === undefined || !this.voxels ? undefined : { value, dataset: this.voxels.dataset };
  }

  close(): void {
    this.closed = true;
    release(this.geometry, "planes", nobody);
  }
}

function nobody(): void {}
