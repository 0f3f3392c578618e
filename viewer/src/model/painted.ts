/** When what was put on the screen is seen. */

const NEVER_PAINTED_MS = 400; // a page that nobody sees is not painted

/** `then` once the browser has painted what the document holds now. */
export function afterPaint(then: () => void): void {
  let waiting = true;
  const go = (): void => {
    if (waiting) then();
    waiting = false;
  };
  setTimeout(go, NEVER_PAINTED_MS);
  framesLater(2, go);
}

/** `then`, that many frames of the browser from now. */
export function framesLater(count: number, then: () => void): void {
  requestAnimationFrame(() => (count > 1 ? framesLater(count - 1, then) : then()));
}

/** Resolves then. */
export function painted(): Promise<void> {
  return new Promise((resolve) => {
    afterPaint(resolve);
  });
}
