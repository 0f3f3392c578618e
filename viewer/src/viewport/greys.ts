/** Which end of a stack's greys is white: Cornerstone's note of it, and the table that is drawn with. */

import { Enums, utilities, type Types } from "@cornerstonejs/core";

import { PLAIN_COLOURS } from "@/tools/colourMaps";

const { LINEAR, SAMPLED_SIGMOID } = Enums.VOILUTFunctionType;

interface ColourTable {
  getSize(): number;
  getNodeValue(index: number, into: number[]): unknown;
}

function tableOf(viewport: Types.IStackViewport): ColourTable | undefined {
  const actor = viewport.getDefaultActor()?.actor as { getProperty(): { getRGBTransferFunction(index: number): ColourTable | null } } | undefined;
  return actor?.getProperty().getRGBTransferFunction(0) ?? undefined;
}

function brightnessAt(table: ColourTable, index: number): number {
  const node: number[] = [];
  table.getNodeValue(index, node);
  return (node[1] ?? 0) + (node[2] ?? 0) + (node[3] ?? 0);
}

/** Turn the table where it is not as the note says: Cornerstone forgets in it that MONOCHROME1 is white at 0. */
function straighten(viewport: Types.IStackViewport): void {
  const table = tableOf(viewport);
  if (!table) return;
  const falls = brightnessAt(table, 0) > brightnessAt(table, table.getSize() - 1);
  if (falls !== (viewport.getProperties().invert === true)) utilities.invertRgbTransferFunction(table as never);
}

function isSigmoid(viewport: Types.IStackViewport): boolean {
  return viewport.getProperties().VOILUTFunction === SAMPLED_SIGMOID;
}

/** Back to each image's own greys. */
export function resetGreys(viewport: Types.IStackViewport): void {
  const sigmoid = isSigmoid(viewport);
  if (sigmoid) {
    viewport.setProperties({ invert: false });
    viewport.setProperties({ VOILUTFunction: LINEAR }); // Cornerstone resets to a map that it knows by its name, or throws
  }
  viewport.resetProperties();
  straighten(viewport);
  if (sigmoid) viewport.setProperties({ VOILUTFunction: SAMPLED_SIGMOID });
}

export function setColours(viewport: Types.IStackViewport, name: string): void {
  viewport.setProperties({ colormap: { name } });
  if (name !== PLAIN_COLOURS) return;
  straighten(viewport);
  if (isSigmoid(viewport)) for (const VOILUTFunction of [LINEAR, SAMPLED_SIGMOID]) viewport.setProperties({ VOILUTFunction }); // the map took its place
}
