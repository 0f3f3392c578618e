/** Colours that objects recommend, for the screen. */

import { numbers, type Dataset } from "@/dicomweb/json";

export type Rgb = readonly [number, number, number];

const RECOMMENDED_DISPLAY_CIELAB_VALUE = "0062000D";

// told apart by people who see colours differently too (Okabe and Ito)
const PLAIN: readonly Rgb[] = [
  [230, 159, 0],
  [86, 180, 233],
  [0, 158, 115],
  [240, 228, 66],
  [0, 114, 178],
  [213, 94, 0],
  [204, 121, 167],
];

/** For what recommends none. */
export function plainColour(number: number): Rgb {
  return PLAIN[Math.abs(Math.trunc(number)) % PLAIN.length] ?? [230, 159, 0];
}

/** Recommended Display CIELab Value (PS3.3 C.10.7.1.1) as sRGB; undefined when there is none. */
export function recommendedColour(dataset: Dataset): Rgb | undefined {
  const [l, a, b] = numbers(dataset, RECOMMENDED_DISPLAY_CIELAB_VALUE);
  if (l === undefined || a === undefined || b === undefined) return undefined;
  return fromLab((l * 100) / 65535, (a * 255) / 65535 - 128, (b * 255) / 65535 - 128);
}

function cube(f: number): number {
  return f > 6 / 29 ? f ** 3 : 3 * (6 / 29) ** 2 * (f - 4 / 29);
}

/** CIELab under D50, the profile connection space, as sRGB (D65). */
export function fromLab(l: number, a: number, b: number): Rgb {
  const fy = (l + 16) / 116;
  const [x, y, z] = [0.96422 * cube(fy + a / 500), cube(fy), 0.82521 * cube(fy - b / 200)];
  return [
    channel(3.1338561 * x - 1.6168667 * y - 0.4906146 * z),
    channel(-0.9787684 * x + 1.9161415 * y + 0.033454 * z),
    channel(0.0719453 * x - 0.2289914 * y + 1.4052427 * z),
  ];
}

function channel(linear: number): number {
  const value = linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055;
  return Math.round(255 * Math.max(0, Math.min(1, value)));
}
