/** A slide under mouse, pen, fingers and keys: drawn along, enlarged about a point by the wheel or two fingers. */

import type { Size } from "@/model/slideView";

export interface SlideHand {
  move(by: Size): void;
  /** About the middle where no point is given. */
  zoom(factor: number, at?: Size): void;
  /** All of it is to be seen. */
  whole(): void;
}

const KEY_PX = 120;
const KEY_ZOOM = 1.5;
const KEYS: Readonly<Record<string, (hand: SlideHand) => void>> = {
  ArrowLeft: (hand) => hand.move([KEY_PX, 0]),
  ArrowRight: (hand) => hand.move([-KEY_PX, 0]),
  ArrowUp: (hand) => hand.move([0, KEY_PX]),
  ArrowDown: (hand) => hand.move([0, -KEY_PX]),
  "+": (hand) => hand.zoom(KEY_ZOOM),
  "=": (hand) => hand.zoom(KEY_ZOOM),
  "-": (hand) => hand.zoom(1 / KEY_ZOOM),
  "0": (hand) => hand.whole(),
  Home: (hand) => hand.whole(),
};

const WHEEL = 400; // pixels of the wheel for e times the size

/** Listen on `element` until the returned function is called. */
export function holdSlide(element: HTMLElement, hand: SlideHand): () => void {
  const left = new AbortController();
  const options = { signal: left.signal, passive: false };
  const fingers = new Map<number, Size>();
  const inside = ({ clientX, clientY }: MouseEvent): Size => {
    const box = element.getBoundingClientRect();
    return [clientX - box.left, clientY - box.top];
  };
  element.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "mouse" && event.button > 1) return;
    element.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, inside(event));
  }, options);
  element.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const now = inside(event);
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    fingers.set(event.pointerId, now);
    if (other) {
      const apart = (one: Size): number => Math.hypot(one[0] - other[0], one[1] - other[1]) || 1;
      hand.zoom(apart(now) / apart(before), [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2]);
      hand.move([(now[0] - before[0]) / 2, (now[1] - before[1]) / 2]);
    } else {
      hand.move([now[0] - before[0], now[1] - before[1]]);
    }
  }, options);
  for (const name of ["pointerup", "pointercancel"] as const) {
    element.addEventListener(name, (event) => fingers.delete(event.pointerId), options);
  }
  element.addEventListener("wheel", (event) => {
    event.preventDefault();
    hand.zoom(Math.exp(-event.deltaY / WHEEL), inside(event));
  }, options);
  element.addEventListener("keydown", (event) => {
    const does = KEYS[event.key];
    if (!does || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    does(hand);
  }, options);
  return () => left.abort();
}
