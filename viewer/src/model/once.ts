/** Waiting for what signals tell. */

import { effect, untracked } from "@preact/signals";

/** Do `then` as soon as `isSo` tells that it is, or now; what comes back gives it up. */
export function once(isSo: () => boolean, then: () => void): () => void {
  const stop: () => void = effect(() => {
    if (!isSo()) return;
    queueMicrotask(() => stop()); // not known yet while it runs for the first time
    untracked(then);
  });
  return stop;
}
