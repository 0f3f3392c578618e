/** Which end of a stack's greys is white: Cornerstone's note of it, and the table that is drawn with. */

import { Enums, utilities, type Types } from "@cornerstonejs/core";

import { PLAIN_COLOURS } from "@/tools/colourMaps";

const { LINEAR, SAMPLED_SIGMOID } = Enums.VOILUTFunctionType;

interface ColourTable {
  getSize(): number;
  getNodeValue(index: number, into: number[]): unknown;
  setNodeValue(index: number, node: readonly number[]): unknown;
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

/** The last colour first, as greys are; Cornerstone's own way takes the opposite of each colour, which is another map. */
function reverse(table: ColourTable): void {
  const nodes = Array.from({ length: table.getSize() }, (_, index) => {
    const node: number[] = [];
    table.getNodeValue(index, node);
    return node;
  });
  const ends = (nodes[0]?.[0] ?? 0) + (nodes.at(-1)?.[0] ?? 0);
  for (const [index, [value = 0, ...colour]] of nodes.toReversed().entries()) table.setNodeValue(index, [ends - value, ...colour]);
}

/** How Cornerstone's note stood when a map was laid over the greys: the map is drawn as it is named while the note stands so. */
const laidAt = new WeakMap<Types.IStackViewport, boolean>();

/** The table that a map lies in, and whether its last colour is drawn first. */
const drawnIn = new WeakMap<Types.IStackViewport, { readonly table: ColourTable | undefined; isReversed: boolean }>();

/** A map is turned by who inverts, never by the next image: Cornerstone turns it again by the note of the greys beneath. */
export function keepColours(viewport: Types.IStackViewport): void {
  const turning = viewport as unknown as { setInvertColor(invert: boolean): void; setColormap(map: unknown): void; invert: boolean };
  const turnGreys = turning.setInvertColor.bind(viewport);
  const lay = turning.setColormap.bind(viewport);
  turning.setColormap = (map) => {
    lay(map);
    drawnIn.set(viewport, { table: tableOf(viewport), isReversed: false });
  };
  turning.setInvertColor = (invert) => {
    const straight = laidAt.get(viewport);
    const { colormap } = viewport.getProperties();
    if (straight === undefined || !colormap) {
      turnGreys(invert);
      return;
    }
    if (drawnIn.get(viewport)?.table !== tableOf(viewport)) turning.setColormap(colormap); // a new table has none yet
    turning.invert = invert;
    const drawn = drawnIn.get(viewport);
    if (!drawn?.table || drawn.isReversed === (invert !== straight)) return;
    reverse(drawn.table);
    drawn.isReversed = !drawn.isReversed;
  };
}

/** Back to each image's own greys. */
export function resetGreys(viewport: Types.IStackViewport): void {
  laidAt.delete(viewport);
  if (!viewport.getCornerstoneImage()) return; // there are none yet
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
  if (name !== PLAIN_COLOURS) {
    const invert = viewport.getProperties().invert === true;
    if (!laidAt.has(viewport)) laidAt.set(viewport, invert);
    viewport.setProperties({ colormap: { name }, invert });
    return;
  }
  laidAt.delete(viewport);
  viewport.setProperties({ colormap: { name } });
  straighten(viewport);
  if (isSigmoid(viewport)) for (const VOILUTFunction of [LINEAR, SAMPLED_SIGMOID]) viewport.setProperties({ VOILUTFunction }); // the map took its place
}

/** Each image's own window again; greys stay turned, and colours on, as they are. */
export function resetWindow(viewport: Types.IStackViewport): void {
  const { invert, colormap } = viewport.getProperties();
  const straight = laidAt.get(viewport);
  resetGreys(viewport);
  if (invert !== undefined) viewport.setProperties({ invert });
  if (straight === undefined || !colormap?.name) return;
  laidAt.set(viewport, straight);
  setColours(viewport, colormap.name);
}
