/** A sheet on a canvas, one pixel for each of its values; what is under the pointer. */

import { useEffect, useMemo, useRef } from "preact/hooks";

import { pointOn } from "@/model/reformation";
import type { Pane } from "@/model/pane";
import type { CurvedView, Sheet, SlabMode } from "@/viewport/volumeContract";

export interface Slab {
  readonly mm: number;
  readonly mode: SlabMode;
}

export const NO_SLAB: Slab = { mm: 0, mode: "maximum" };

/** The canvas to put the picture on; it is painted anew when values or window change. */
export function usePicture(pane: Pane, view: CurvedView, sheet: Sheet, slab: Slab) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const values = useMemo(() => view.valuesOn(sheet, slab), [view, sheet, slab.mm, slab.mode]);
  const { window, inverted } = pane.view.value;
  useEffect(() => {
    if (!canvas.current || !values) return;
    const picture = view.picture(values, sheet.columns.length);
    [canvas.current.width, canvas.current.height] = [picture.width, picture.height];
    canvas.current.getContext("2d")?.putImageData(picture, 0, 0);
  }, [values, window?.center, window?.width, inverted]);
  return canvas;
}

/** Where the pointer is on the canvas, in columns and rows of the sheet. */
export function cellAt(event: PointerEvent | MouseEvent, sheet: Sheet): readonly [number, number] {
  const box = (event.currentTarget as Element).getBoundingClientRect();
  return [
    ((event.clientX - box.left) / (box.width || 1)) * sheet.columns.length - 0.5,
    ((event.clientY - box.top) / (box.height || 1)) * sheet.rows - 0.5,
  ];
}

/** Tell the value under the pointer; a slab has no single ones. */
export function readPixel(pane: Pane, view: CurvedView, sheet: Sheet, slab: Slab, [column, row]: readonly [number, number]): void {
  const pixel = view.pixelAt(pointOn(sheet, column, row));
  pane.pixel.value = pixel && (slab.mm > 0 ? { ...pixel, values: undefined } : pixel);
}
