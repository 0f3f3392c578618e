/** Opens the menu of a viewport: a press of the right button that did not drag, a finger that rests, the menu key, Shift+F10. */

import { isMenuKey, RestingFinger, RightPress } from "@/model/contextPlace";
import type { Workspace } from "@/model/workspace";
import { mouse } from "@/tools/mouse";
import type { ToolName } from "@/tools/palette";

/** With any other in hand a finger that rests takes aim. */
const NOT_AIMED: ReadonlySet<ToolName> = new Set(["window", "scroll", "zoom", "pan"]);

/** Listens on the stage; the returned function ends it. */
export function followRightPress(stage: HTMLElement, workspace: Workspace): () => void {
  const press = new RightPress();
  const closing = new AbortController();
  const options = { signal: closing.signal, capture: true };
  /** What is no image keeps the browser's own menu: texts are copied with it. */
  const has = (target: EventTarget | null): boolean =>
    target instanceof Element && target.closest("[data-testid=viewport]") !== null && workspace.active.peek().controls.peek() !== undefined;
  const open = (x: number, y: number, pointed: boolean): void => {
    const pane = workspace.active.peek();
    if (mouse.peek().right === "tool") pane.controls.peek()?.letGo(); // it may have begun to draw
    workspace.context.value = { x, y, reading: pointed ? pane.pixel.peek() : undefined };
  };
  stage.addEventListener("pointerdown", (event) => press.down(event), options);
  stage.addEventListener("pointermove", (event) => press.moved(event), options);
  stage.addEventListener("pointerup", (event) => press.up(event) && has(event.target) && open(event.clientX, event.clientY, true), options);
  stage.addEventListener("contextmenu", (event) => has(event.target) && event.preventDefault(), options);
  followRest(stage, options, (event) => has(event.target) && NOT_AIMED.has(workspace.tool.peek()), (x, y) => open(x, y, false), () => (workspace.context.value = undefined));
  const onKey = (event: KeyboardEvent): void => {
    const own = event.target instanceof Element && event.target.closest(`input, select, textarea, dialog, [role=menu]${workspace.mayReject.peek() ? ", .series" : ""}`) !== null; // a thumbnail has its own
    if (!isMenuKey(event) || own || !workspace.active.peek().controls.peek()) return;
    const box = stage.querySelector("[data-active=true]")?.getBoundingClientRect();
    if (!box) return;
    event.preventDefault();
    open(box.left + box.width / 2, box.top + box.height / 4, false);
  };
  // The browser opens its own menu for the same key; where nothing has the focus, it asks the page.
  const onMenu = (event: Event): void => {
    if (workspace.context.peek() && !workspace.context.peek()?.series) event.preventDefault();
  };
  document.addEventListener("keydown", onKey, { signal: closing.signal });
  document.addEventListener("contextmenu", onMenu, { signal: closing.signal });
  return () => closing.abort();
}

/** What the finger does after the menu has opened is no longer the tool's. */
export function followRest(
  stage: HTMLElement,
  options: { readonly signal: AbortSignal; readonly capture: boolean },
  isWanted: (event: TouchEvent) => boolean,
  rested: (x: number, y: number) => void,
  /** It had not: what opened is closed. */
  hurried: () => void,
): void {
  let spent = false;
  const finger = new RestingFinger(
    (x, y) => {
      spent = true;
      rested(x, y);
    },
    () => {
      spent = false;
      hurried();
    },
  );
  const onStart = (event: TouchEvent): void => {
    const [one] = event.touches;
    spent = false;
    if (one && event.touches.length === 1 && isWanted(event)) finger.down(one.clientX, one.clientY, event.timeStamp);
    else finger.end();
  };
  const onMove = (event: TouchEvent): void => {
    const [one] = event.touches;
    if (one) finger.moved(one.clientX, one.clientY, event.timeStamp);
    if (spent) event.stopPropagation();
  };
  stage.addEventListener("touchstart", onStart, { ...options, passive: true });
  stage.addEventListener("touchmove", onMove, { ...options, passive: true });
  const onEnd = (event: TouchEvent): void => {
    finger.end();
    if (spent && event.cancelable) event.preventDefault(); // of a finger lifted a click is made, on what opened beneath it
  };
  for (const end of ["touchend", "touchcancel"] as const) stage.addEventListener(end, onEnd, { ...options, passive: false });
  options.signal.addEventListener("abort", () => finger.end());
}
