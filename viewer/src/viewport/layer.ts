/** What lies over an image of a stack: another volume on the plane of the screen, through a colour map. */

import { utilities } from "@cornerstonejs/core";
import { newInstance as newColours } from "@kitware/vtk.js/Rendering/Core/ColorTransferFunction";

import type { Vector, VolumeGeometry } from "@/dicomweb/geometry";
import type { PixelReading } from "@/viewport/contract";
import { coloursOf } from "@/viewport/colours";
import { rangeOf } from "@/viewport/planeOverlay";
import { nearestValue } from "@/viewport/sampling";
import { valuesOn } from "@/viewport/sheets";
import type { LayerListener, Overlay, Sheet, VolumeLayer } from "@/viewport/volumeContract";
import { acquire, release, VolumeError, type VoxelVolume } from "@/viewport/volumeData";

const LEVELS = 256;

/** Red, green and blue of each level, 0 to 1. */
function tableOf(name: string): readonly number[] {
  const colours = newColours();
  const map = utilities.colormap.resolveColormap(name);
  if (map) colours.applyColorMap(map);
  colours.setMappingRange(0, LEVELS - 1);
  colours.updateRange();
  const table: number[] = [];
  for (let level = 0; level < LEVELS; level += 1) {
    const colour = [0, 0, 0];
    colours.getColor(level, colour);
    table.push(...colour);
  }
  colours.delete();
  return table;
}

export class CalculatedLayer implements VolumeLayer {
  private voxels: VoxelVolume | undefined;
  private closed = false;
  private table: { readonly name: string; readonly colours: readonly number[] } | undefined;

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
    const { opacity, preset } = looks;
    const colours = coloursOf(looks);
    if (!voxels || sheet.columns.length === 0 || sheet.rows === 0) return undefined;
    if (this.table?.name !== colours) this.table = { name: colours, colours: tableOf(colours) };
    const table = this.table.colours;
    const { lower, upper } = rangeOf(voxels, preset);
    const picture = new ImageData(sheet.columns.length, sheet.rows);
    for (const [index, value] of valuesOn(voxels, sheet, { mm: 0, mode: "maximum" }).entries()) {
      if (value !== value) continue; // beside the volume
      const level = 3 * Math.min(LEVELS - 1, Math.max(0, Math.round(((value - lower) / (upper - lower)) * (LEVELS - 1))));
      picture.data.set([255 * (table[level] ?? 0), 255 * (table[level + 1] ?? 0), 255 * (table[level + 2] ?? 0), 255 * opacity], 4 * index);
    }
    return picture;
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
