/** A quick stroke of one finger to the side leads to the next series; a slow one is the tool's. */

import type { Window } from "@/tools/presets";

const QUICK_MS = 300;
const FAR_PX = 60;
const STEEPEST = 0.5; // up or down for each pixel to the side

export interface Stroke {
  readonly x: number;
  readonly y: number;
  readonly at: number;
}

/** 1: the next series, as a page is turned; -1: the one before; 0: no flick. */
export function flickOf(from: Stroke, to: Stroke): -1 | 0 | 1 {
  const [right, down] = [to.x - from.x, to.y - from.y];
  const isFlick = to.at - from.at <= QUICK_MS && Math.abs(right) >= FAR_PX && Math.abs(down) <= Math.abs(right) * STEEPEST;
  if (!isFlick) return 0;
  return right < 0 ? 1 : -1;
}

export interface FlickOptions {
  /** Whether a stroke may be one: no tool needs it. */
  isFree(): boolean;
  /** The window as it is now. */
  window(): Window | undefined;
  /** The tool has moved the window meanwhile: as it was. */
  restore(window: Window): void;
  flicked(step: -1 | 1): void;
}

function fingerOf(event: TouchEvent): Stroke | undefined {
  const one = event.changedTouches[0];
  return one && { x: one.clientX, y: one.clientY, at: event.timeStamp };
}

/** Follow the fingers on `element`, until the returned function is called. */
export function followFlicks(element: HTMLElement, options: FlickOptions): () => void {
  const closing = new AbortController();
  const { signal } = closing;
  let began: (Stroke & { readonly window: Window | undefined }) | undefined;
  element.addEventListener(
    "touchstart",
    (event) => {
      const at = event.touches.length === 1 && options.isFree() ? fingerOf(event) : undefined;
      began = at && { ...at, window: options.window() };
    },
    { signal, capture: true, passive: true },
  );
  element.addEventListener(
    "touchend",
    (event) => {
      const ended = fingerOf(event);
      const step = began && ended ? flickOf(began, ended) : 0;
      const window = began?.window;
      began = undefined;
      if (step === 0) return;
      if (window) options.restore(window);
      options.flicked(step);
    },
    { signal, capture: true, passive: true },
  );
  element.addEventListener("touchcancel", () => (began = undefined), { signal, capture: true });
  return () => closing.abort();
}
