/** When what was put on the screen is seen. */

const NEVER_PAINTED_MS = 400; // a page that nobody sees is not painted

/** Resolves once the browser has painted what the document holds now. */
export function painted(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, NEVER_PAINTED_MS);
    requestAnimationFrame(() => requestAnimationFrame(() => resolve()));
  });
}
