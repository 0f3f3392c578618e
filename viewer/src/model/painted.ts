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
  requestAnimationFrame(() => requestAnimationFrame(go));
}

/** Resolves then. */
export function painted(): Promise<void> {
  return new Promise((resolve) => {
    afterPaint(resolve);
  });
}
