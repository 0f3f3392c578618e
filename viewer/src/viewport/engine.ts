/** The one engine that draws all viewports, and what becomes of them when one of them gets another size. */

import { RenderingEngine, type Types } from "@cornerstonejs/core";

export const ENGINE = "engine";

/** A viewport whose image may fill it. */
export interface Fitting {
  /** Whether the whole image fills the viewport: not enlarged, not moved. */
  isWhole(): boolean;
  fit(): void;
}

let engine: RenderingEngine | undefined;
/** By then what is said over the images stands where it does at their new size: texts of measurements keep clear of it. */
const LAID_OUT_MS = 60;
let again: ReturnType<typeof setTimeout> | undefined;
const standing = new Set<Fitting>();

/** One for all viewports, one after the other: each takes a WebGL context, which the browser takes back in its own time. */
export function renderingEngine(): RenderingEngine {
  engine ??= new RenderingEngine(ENGINE);
  return engine;
}

/**
 * A viewport in an element that takes no focus: it goes to what is around it. Cornerstone would have it, and keep from the page each key that is
 * pressed there, Tab too, and from its tools the mouse while a key is held whose release went to another window.
 */
export function enable(input: Types.PublicViewportInput): void {
  renderingEngine().enableElement(input);
  input.element.removeAttribute("tabindex");
}

/** What filled its viewport fills it again; what was enlarged or moved stays so. One resizing is that of all. */
export function resized(): void {
  const whole = [...standing].filter((view) => view.isWhole());
  renderingEngine().resize(true, true);
  for (const view of whole) view.fit();
  clearTimeout(again);
  again = setTimeout(() => renderingEngine().render(), LAID_OUT_MS);
}

/** Follow the size of `element`, in which `view` stands, until the returned function is called. */
export function followSize(element: HTMLElement, view?: Fitting): () => void {
  const resizing = new ResizeObserver(resized);
  resizing.observe(element);
  if (view) standing.add(view);
  return () => {
    resizing.disconnect();
    if (view) standing.delete(view);
  };
}
