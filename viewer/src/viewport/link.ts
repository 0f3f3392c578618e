/** How fast the link to the node is: measured on what came over it, remembered from one visit to the next. */

const REMEMBERED = "suret.link";
const WORTH_MEASURING_BYTES = 48 << 10; // of less, waiting is most of the time
const NEWEST_WEIGHT = 0.4;
const WORTH_MEASURING_MS = 900; // of what takes so long, waiting is the least
const SLOW_BITS_PER_S = 20e6;
const LONG_MS = 700;

let bitsPerSecond: number | undefined;

/** So many bytes came in so many milliseconds. */
export function measured(bytes: number, milliseconds: number): void {
  if (bytes <= 0 || milliseconds <= 0) return;
  if (bytes < WORTH_MEASURING_BYTES && milliseconds < WORTH_MEASURING_MS) return;
  const now = (bytes * 8000) / milliseconds;
  bitsPerSecond = bitsPerSecond === undefined ? now : bitsPerSecond + NEWEST_WEIGHT * (now - bitsPerSecond);
  globalThis.localStorage?.setItem(REMEMBERED, String(Math.round(bitsPerSecond)));
}

/** Whether it came over the link and not from the browser's own store. */
function cameOver({ transferSize, encodedBodySize }: PerformanceResourceTiming): boolean {
  return transferSize > encodedBodySize / 2;
}

/** So many bytes of this address came in so many milliseconds; what the browser had stored says nothing. */
export function measuredAt(address: string, bytes: number, milliseconds: number): void {
  const entry = performance.getEntriesByName(address, "resource").at(-1);
  if (!entry || cameOver(entry as PerformanceResourceTiming)) measured(bytes, milliseconds);
}

/** What the page itself took. */
function measurePage(): void {
  for (const entry of performance.getEntriesByType("resource") as PerformanceResourceTiming[]) {
    if (cameOver(entry)) measured(entry.encodedBodySize, entry.responseEnd - entry.responseStart);
  }
}

/** Bits per second; undefined while nothing is known. */
export function linkSpeed(): number | undefined {
  if (bitsPerSecond === undefined) measurePage();
  if (bitsPerSecond === undefined) {
    const remembered = Number(globalThis.localStorage?.getItem(REMEMBERED));
    if (remembered > 0) bitsPerSecond = remembered;
  }
  return bitsPerSecond;
}

/** Whether compressing and refining is worth the node's and the browser's work. */
export function isSlow(): boolean {
  const speed = linkSpeed();
  return speed !== undefined && speed < SLOW_BITS_PER_S;
}

/** Milliseconds that so many bytes take. */
export function transferTime(bytes: number): number {
  return (bytes * 8000) / (linkSpeed() ?? SLOW_BITS_PER_S);
}

/** Whether so many bytes are worth being shown coarse first, and keep others waiting. */
export function takesLong(bytes: number): boolean {
  return transferTime(bytes) >= LONG_MS;
}
