import { utilities } from "@cornerstonejs/core";
import { newInstance } from "@kitware/vtk.js/Rendering/Core/ColorTransferFunction";
import { expect, it } from "vitest";

import { COLOUR_MAPS } from "@/tools/colourMaps";
import { installColours } from "@/viewport/colours";

const LEVELS = 8192;

/** The greatest change of red, green or blue between neighbours of many levels, of 255. */
function steepest(name: string): number {
  const colours = newInstance();
  colours.applyColorMap(utilities.colormap.resolveColormap(name) as never);
  colours.setMappingRange(0, 1);
  colours.updateRange();
  const table: number[] = [];
  (colours as unknown as { getTable(from: number, to: number, size: number, table: number[], every: number): void }).getTable(0, 1, LEVELS, table, 1);
  return 255 * Math.max(...table.slice(3).map((value, index) => Math.abs(value - (table[index] ?? 0))));
}

it.each(COLOUR_MAPS.map(({ name }) => name))("%s has no colours between two of its own that are neither's", (name) => {
  installColours();
  expect(steepest(name)).toBeLessThan(1);
});
