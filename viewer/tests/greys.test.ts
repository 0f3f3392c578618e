import { newInstance } from "@kitware/vtk.js/Rendering/Core/ColorTransferFunction";
import { expect, it } from "vitest";

import { keepColours, setColours } from "@/viewport/greys";

/** A stack viewport as Cornerstone's: a note of what is white, a map, and the table that is drawn with. */
function viewport() {
  const table = newInstance();
  let laid = 0;
  const made = {
    invert: false,
    colormap: undefined as { name: string } | undefined,
    getDefaultActor: () => ({ actor: { getProperty: () => ({ getRGBTransferFunction: () => table }) } }),
    getProperties: () => ({ invert: made.invert, colormap: made.colormap }),
    setColormap(map: { name: string }): void {
      laid += 1;
      made.colormap = map;
      table.removeAllPoints();
      table.addRGBPoint(0, 0, 0, 0);
      table.addRGBPoint(1, 1, 0, 0);
    },
    setInvertColor(invert: boolean): void {
      made.invert = invert;
    },
    setProperties({ colormap, invert }: { colormap?: { name: string }; invert?: boolean }): void {
      if (colormap) made.setColormap(colormap);
      if (invert !== undefined) made.setInvertColor(invert);
    },
    /** As the next image does (`_setPropertiesFromCache`). */
    next(): void {
      const { invert } = made;
      if (made.colormap) {
        made.setColormap(made.colormap);
        made.invert = false;
      }
      made.setInvertColor(invert);
    },
  };
  const redAt = (index: number): number => {
    const node: number[] = [];
    table.getNodeValue(index, node as never);
    return node[1] ?? NaN;
  };
  return { made, laid: () => laid, ends: () => [redAt(0), redAt(1)] };
}

it("a map over an inverted stack is laid once for each image, and stays as it was turned", () => {
  const { made, laid, ends } = viewport();
  keepColours(made as never);
  setColours(made as never, "2hot");
  expect([laid(), ends()]).toEqual([1, [0, 1]]);
  made.setInvertColor(true);
  expect([laid(), ends()]).toEqual([1, [1, 0]]);
  made.next();
  expect([laid(), ends(), made.invert]).toEqual([2, [1, 0], true]);
  made.setInvertColor(false);
  made.next();
  expect([laid(), ends(), made.invert]).toEqual([3, [0, 1], false]);
});
