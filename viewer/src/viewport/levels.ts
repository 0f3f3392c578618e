/** What the first bytes of an HTJ2K frame are good for, when it comes one resolution after the other. */

const COARSE_WORTH_MS = 700; // a whole that comes sooner is awaited
const COARSE_TARGET_MS = 350;
const LEVELS_MAX = 5;
const SPARE = 1.3; // resolutions are not each exactly four times the one before

/** About so many of a frame's bytes are its picture with the sides halved `level` times. */
function bytesAt(level: number, total: number): number {
  return (total / 4 ** level) * SPARE;
}

/** How many times the sides are halved in what comes in good time; 0 when the whole does. */
export function coarseLevel(bytes: number, time: (bytes: number) => number): number {
  if (time(bytes) < COARSE_WORTH_MS) return 0;
  let level = 1;
  while (level < LEVELS_MAX && time(bytes / 4 ** level) > COARSE_TARGET_MS) level += 1;
  return level;
}

/** How few times the sides are halved in the first `received` of `total` bytes; Infinity: too few to see anything. */
export function levelWithin(received: number, total: number): number {
  for (let level = 1; level <= LEVELS_MAX; level += 1) if (total > 0 && received >= bytesAt(level, total)) return level;
  return Infinity;
}
