/**
 * A pattern to judge a display by, after AAPM TG18-QC and SMPTE RP 133: every device pixel one grey, nothing is scaled.
 * What is judged with it is said on its page; whether the display follows the GSDF (PS3.14) only a photometer tells.
 */

export interface Patch {
  readonly x: number;
  readonly y: number;
  readonly size: number;
  /** Grey 0 to 255, and of the two inserts in its corners. */
  readonly grey: number;
  readonly inserts: readonly [number, number];
}

const LEVELS = 18; // TG18-QC: from dark to bright in equal steps; at both ends an insert has room, too
const BACKGROUND = 26;
const LINE = 128;
const STEP = 4; // of an insert to its patch: what an eye tells apart on a display that follows the GSDF
const PER_ROW = 6;

/** The patches for a picture of this size, left to right, dark to bright. */
export function patches(width: number, height: number): Patch[] {
  const rows = Math.ceil(LEVELS / PER_ROW);
  const size = Math.floor(Math.min(width / (PER_ROW + 2), height / (rows * 2 + 1)));
  const left = Math.floor((width - PER_ROW * size) / 2);
  const top = Math.floor((height - rows * size) / 2);
  return Array.from({ length: LEVELS }, (_, index) => {
    const grey = Math.round(STEP + ((255 - 2 * STEP) * index) / (LEVELS - 1));
    const place = { x: left + (index % PER_ROW) * size, y: top + Math.trunc(index / PER_ROW) * size, size };
    return { ...place, grey, inserts: [grey - STEP, grey + STEP] };
  });
}

/** Greys row by row. */
export function testPattern(width: number, height: number): Uint8ClampedArray {
  const greys = new Uint8ClampedArray(width * height).fill(BACKGROUND);
  const fill = (x: number, y: number, wide: number, high: number, grey: number | ((x: number, y: number) => number)): void => {
    for (let row = Math.max(0, y); row < Math.min(height, y + high); row += 1) {
      for (let column = Math.max(0, x); column < Math.min(width, x + wide); column += 1) {
        greys[row * width + column] = typeof grey === "number" ? grey : grey(column - x, row - y);
      }
    }
  };
  const grid = Math.max(24, Math.floor(Math.min(width, height) / 12));
  for (let x = Math.floor((width % grid) / 2); x < width; x += grid) fill(x, 0, 1, height, LINE);
  for (let y = Math.floor((height % grid) / 2); y < height; y += grid) fill(0, y, width, 1, LINE);
  fill(0, 0, width, 1, 255);
  fill(0, height - 1, width, 1, 255);
  fill(0, 0, 1, height, 255);
  fill(width - 1, 0, 1, height, 255);
  const all = patches(width, height);
  for (const { x, y, size, grey, inserts } of all) {
    fill(x, y, size, size, grey);
    const inset = Math.floor(size / 5);
    fill(x + inset, y + inset, inset, inset, inserts[0]);
    fill(x + size - 2 * inset, y + size - 2 * inset, inset, inset, inserts[1]);
  }
  const [first] = all;
  if (!first) return greys;
  const { size } = first;
  const [left, top] = [first.x, first.y - size - Math.floor(size / 4)];
  fill(left, top, size, size, 0); // SMPTE: 5 % in black, 95 % in white
  fill(left + Math.floor(size / 3), top + Math.floor(size / 3), Math.floor(size / 3), Math.floor(size / 3), 13);
  fill(left + 5 * size, top, size, size, 255);
  fill(left + 5 * size + Math.floor(size / 3), top + Math.floor(size / 3), Math.floor(size / 3), Math.floor(size / 3), 242);
  fill(left + Math.floor(size * 1.5), top, size, size, (x) => (x % 2) * 255);
  fill(left + Math.floor(size * 3.5), top, size, size, (_, y) => (y % 2) * 255);
  const below = first.y + Math.ceil(LEVELS / PER_ROW) * size + Math.floor(size / 4);
  fill(left, below, PER_ROW * size, Math.floor(size / 2), (x) => Math.round((255 * x) / (PER_ROW * size - 1)));
  return greys;
}
