/** What is on its way between this page and the node: what can wait, waits until nothing else is. */

const QUIET_MS = 1000;

let underWay = 0;
let endedAt = 0;

/** Something is asked for; returns what is called when it has come, or will not. */
export function onItsWay(): () => void {
  underWay += 1;
  let over = false;
  return () => {
    if (over) return;
    over = true;
    underWay -= 1;
    endedAt = performance.now();
  };
}

/** Resolves when nothing has been on its way for a second. */
export async function untilIdle(): Promise<void> {
  for (;;) {
    const left = underWay > 0 ? QUIET_MS : endedAt + QUIET_MS - performance.now();
    if (left <= 0) return;
    await new Promise((resolve) => setTimeout(resolve, left));
  }
}
