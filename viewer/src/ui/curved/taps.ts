/** A tap on a viewport, beside what its tools do with drags, the wheel and two fingers. */

const STILL_PX = 6;
const LONGEST_MS = 700;

/** Whether it went to the picture: not to a control that stands over it. */
function isPicture(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("button, a, input, select, .curve-point, .curve-grip, .marks-panel") === null;
}

/** `tapped` hears where, in CSS pixels of `host`; until the returned function is called. */
export function followTaps(host: HTMLElement, tapped: (x: number, y: number) => void): () => void {
  const closing = new AbortController();
  const options = { signal: closing.signal, capture: true };
  let began: { readonly id: number; readonly x: number; readonly y: number; readonly at: number } | undefined;
  host.addEventListener(
    "pointerdown",
    (event) => {
      const { pointerId: id, clientX: x, clientY: y, timeStamp: at } = event;
      // the second finger makes it no tap
      began = event.isPrimary && event.button === 0 && isPicture(event.target) ? { id, x, y, at } : undefined;
    },
    options,
  );
  host.addEventListener(
    "pointerup",
    (event) => {
      const from = began;
      began = undefined;
      if (!from || from.id !== event.pointerId || event.timeStamp - from.at > LONGEST_MS) return;
      if (Math.hypot(event.clientX - from.x, event.clientY - from.y) > STILL_PX) return;
      const box = host.getBoundingClientRect();
      tapped(from.x - box.left, from.y - box.top);
    },
    options,
  );
  host.addEventListener("pointercancel", () => (began = undefined), options);
  host.addEventListener("dblclick", (event) => event.stopPropagation(), options); // two points, not a viewport alone
  return () => closing.abort();
}
