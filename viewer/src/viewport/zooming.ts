/** Enlarging by keys, by the wheel where that is the habit, and with Ctrl, which is also what two fingers on a touch pad send. */

import type { Types } from "@cornerstonejs/core";

import type { Frame } from "@/dicomweb/frames";
import { mouse } from "@/tools/mouse";
import { gridOf, toWorld } from "@/viewport/imageGrid";

const SMALLEST = 0.1;
const LARGEST = 40;
const NOTCH = 100; // of a wheel, in its own units
const NOTCH_FACTOR = 1.15;

const ACROSS = 100; // pixels of the image: their places are told in whole numbers

/** How large an image is shown: pixels of the device for each of its own, whatever picture of it is on the screen. */
export function scaleOf(viewport: Pick<Types.IStackViewport, "worldToCanvas">, frame: Frame | undefined): { readonly scale?: number } {
  if (!frame) return {};
  const grid = gridOf(frame);
  const [from, to] = [[0, 0], [ACROSS, 0]].map(([column = 0, row = 0]) => viewport.worldToCanvas(toWorld(grid, [column, row]))); // prettier-ignore
  const scale = from && to ? (Math.hypot(to[0] - from[0], to[1] - from[1]) * devicePixelRatio) / ACROSS : Number.NaN;
  return Number.isFinite(scale) ? { scale } : {};
}

/** So many times as large about a place of the element, else about its middle. */
export function enlarge(viewport: Types.IStackViewport | Types.IVolumeViewport, element: HTMLElement, factor: number, at?: readonly [number, number]): void {
  const before = viewport.getZoom();
  const zoom = Math.max(SMALLEST, Math.min(LARGEST, before * factor));
  if (!Number.isFinite(zoom) || zoom === before) return;
  const [x, y] = at ?? [element.clientWidth / 2, element.clientHeight / 2];
  const held = viewport.canvasToWorld([x, y]);
  viewport.setZoom(zoom);
  const [nowX, nowY] = viewport.worldToCanvas(held);
  const [right, down] = viewport.getPan();
  viewport.setPan([right + x - nowX, down + y - nowY]);
  viewport.render();
}

/** The wheel, where it zooms or Ctrl is held, enlarges what is under the pointer, and not the page. */
export function followWheel(element: HTMLElement, zoom: (factor: number, at: readonly [number, number]) => void, signal: AbortSignal): void {
  const turn = (event: WheelEvent): void => {
    if (!event.ctrlKey && mouse.peek().wheel !== "zoom") return;
    event.preventDefault();
    event.stopImmediatePropagation(); // scrolls nothing
    const box = element.getBoundingClientRect();
    zoom(NOTCH_FACTOR ** (-event.deltaY / NOTCH), [event.clientX - box.left, event.clientY - box.top]);
  };
  element.addEventListener("wheel", turn, { signal, capture: true, passive: false });
}
