/** Colour maps as Cornerstone and vtk.js know them, and those that objects bring with them. */

import { utilities } from "@cornerstonejs/core";
import { newInstance as newColours } from "@kitware/vtk.js/Rendering/Core/ColorTransferFunction";

import { COLOUR_MAPS } from "@/tools/colourMaps";
import type { Overlay } from "@/viewport/volumeContract";

/** The name by which Cornerstone finds the colours of what lies over a plane. */
export function coloursOf({ colours, palette }: Pick<Overlay, "colours" | "palette">): string {
  if (palette && !utilities.colormap.getColormap(colours)) {
    const last = Math.max(1, palette.length / 3 - 1);
    const points = Array.from({ length: palette.length / 3 }, (_, index) => [index / last, ...palette.slice(3 * index, 3 * index + 3)]);
    utilities.colormap.registerColormap({ Name: colours, ColorSpace: "RGB", RGBPoints: points.flat() } as never);
  }
  return colours;
}

export const LEVELS = 256;

let latest: { readonly name: string; readonly table: readonly number[] } | undefined;

/** Red, green and blue of each of `LEVELS`, 0 to 1. */
export function colourTable(looks: Pick<Overlay, "colours" | "palette">): readonly number[] {
  const name = coloursOf(looks);
  if (latest?.name !== name) latest = { name, table: tableOf(name) };
  return latest.table;
}

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

const MANY = 64;

/**
 * Maps of many colours are mixed as red, green and blue: in the space that vtk.js names for them, Viridis would go
 * once round all hues between two neighbours, where the hue changes its sign.
 */
export function installColours(): void {
  for (const { name } of COLOUR_MAPS) {
    const map = utilities.colormap.resolveColormap(name);
    if (map && map.RGBPoints.length / 4 >= MANY) utilities.colormap.registerColormap({ ...map, ColorSpace: "RGB" } as never);
  }
}
