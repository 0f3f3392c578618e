/** Whether images make one volume, and which: proven from what they say of their places (PS3.3 C.7.6.2), never assumed. */

import type { Frame } from "@/dicomweb/frames";
import { number, numbers, Tag, text } from "@/dicomweb/json";

export type Vector = readonly [number, number, number];

/** Voxels in columns, rows and slices; lengths in mm, directions in the patient (LPS). */
export interface VolumeGeometry {
  /** In the order of the slices. */
  readonly frames: readonly Frame[];
  readonly dimensions: Vector;
  readonly spacing: Vector;
  readonly origin: Vector;
  /** Directions of columns, rows and slices, nine numbers. */
  readonly direction: readonly number[];
  /** A reader of the images begins at the last slice. */
  readonly isReadBackwards: boolean;
  readonly frameOfReferenceUid: string;
}

/** Why images make no volume. `value` belongs into the words: an angle in degrees, a distance in mm. */
export interface NoVolume {
  readonly volume?: undefined;
  readonly refused: "few" | "colour" | "position" | "sizes" | "orientation" | "reference" | "places" | "irregular" | "tilt";
  readonly value?: number;
}

export type MaybeVolume = { readonly volume: VolumeGeometry; readonly refused?: undefined } | NoVolume;

const SLICES_MIN = 3;
const FRAME_OF_REFERENCE_UID = "00200052";
const SAME_DIRECTION = 1e-3; // of each cosine: 0.06°
const SAME_PLACE_MM = 1e-3;
const REGULAR_SHARE = 0.02; // of the distance between slices; what scanners round off is less
const REGULAR_MM = 0.011; // or the hundredth that positions are written with
const TILT_DEGREES = 0.5;

export function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

export function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

export function minus(a: Vector, b: Vector): Vector {
  return [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
}

export function vector(values: readonly number[], start = 0): Vector | undefined {
  const [x, y, z] = values.slice(start, start + 3);
  return x === undefined || y === undefined || z === undefined ? undefined : [x, y, z];
}

export interface Placed {
  readonly frame: Frame;
  readonly position: Vector;
  /** Along the normal, mm. */
  readonly distance: number;
}

interface Plane {
  readonly row: Vector;
  readonly column: Vector;
  readonly normal: Vector;
}

function plane(frame: Frame): Plane | undefined {
  const cosines = numbers(frame.dataset, Tag.ImageOrientationPatient);
  const [row, column] = [vector(cosines), vector(cosines, 3)];
  return row && column && { row, column, normal: cross(row, column) };
}

/** The images along their common normal; or why they have none. */
export function placed(frames: readonly Frame[]): readonly Placed[] | NoVolume {
  const [first] = frames;
  if (!first || frames.length < SLICES_MIN) return { refused: "few" };
  if (frames.some(({ dataset }) => (number(dataset, Tag.SamplesPerPixel) ?? 1) > 1)) return { refused: "colour" };
  const common = plane(first);
  if (!common) return { refused: "position" };
  const sizes = sizeOf(first);
  const found: Placed[] = [];
  for (const frame of frames) {
    const own = plane(frame);
    const position = vector(numbers(frame.dataset, Tag.ImagePositionPatient));
    if (!own || !position) return { refused: "position" };
    if (!sizeOf(frame).every((value, index) => Math.abs(value - (sizes[index] ?? 0)) <= 1e-4 * Math.abs(value))) {
      return { refused: "sizes" };
    }
    const same = [0, 1, 2].every(
      (axis) =>
        Math.abs((own.row[axis] ?? 0) - (common.row[axis] ?? 0)) < SAME_DIRECTION &&
        Math.abs((own.column[axis] ?? 0) - (common.column[axis] ?? 0)) < SAME_DIRECTION,
    );
    if (!same) return { refused: "orientation" };
    found.push({ frame, position, distance: dot(common.normal, position) });
  }
  // One for each image is the work of an anonymiser; a few are a few systems of coordinates.
  const references = new Set(frames.map(({ dataset }) => text(dataset, FRAME_OF_REFERENCE_UID))).size;
  if (references > 1 && references < frames.length) return { refused: "reference" };
  return found.toSorted((a, b) => a.distance - b.distance);
}

/** Rows, columns and the spacing between them; a spacing of 0 is none. */
function sizeOf({ dataset }: Frame): readonly number[] {
  const [row = 0, column = 0] = numbers(dataset, Tag.PixelSpacing);
  return [number(dataset, Tag.Rows) ?? 0, number(dataset, Tag.Columns) ?? 0, row, column];
}

/**
 * The volume of images of one moment: same orientation, size and spacing, regular distances, and each slice straight
 * above the one before. What is not so is refused with its reason.
 */
export function volumeOf(frames: readonly Frame[]): MaybeVolume {
  const sorted = placed(frames);
  if (!Array.isArray(sorted)) return sorted as NoVolume;
  const slices = sorted as readonly Placed[];
  const [first, last] = [slices[0], slices.at(-1)];
  const flat = first && plane(first.frame);
  if (!first || !last || !flat) return { refused: "few" };
  const [rows = 0, columns = 0, rowSpacing = 0, columnSpacing = 0] = sizeOf(first.frame);
  if (!(rowSpacing > 0 && columnSpacing > 0)) return { refused: "position" };
  const gaps = slices.slice(1).map(({ distance }, index) => distance - (slices[index]?.distance ?? 0));
  if (gaps.some((gap) => gap < SAME_PLACE_MM)) return { refused: "places" };
  const mean = (last.distance - first.distance) / gaps.length;
  const worst = gaps.toSorted((a, b) => Math.abs(b - mean) - Math.abs(a - mean))[0] ?? mean;
  if (Math.abs(worst - mean) > Math.max(REGULAR_MM, REGULAR_SHARE * mean)) return { refused: "irregular", value: Math.abs(worst) };
  const step = minus(last.position, first.position);
  const tilt = (Math.acos(Math.min(1, dot(step, flat.normal) / Math.hypot(...step))) * 180) / Math.PI;
  if (tilt > TILT_DEGREES) return { refused: "tilt", value: tilt };
  return {
    volume: {
      frames: slices.map(({ frame }) => frame),
      dimensions: [columns, rows, slices.length],
      spacing: [columnSpacing, rowSpacing, mean],
      origin: first.position,
      direction: [...flat.row, ...flat.column, ...flat.normal],
      isReadBackwards: frames.indexOf(first.frame) > frames.indexOf(last.frame),
      frameOfReferenceUid: text(first.frame.dataset, FRAME_OF_REFERENCE_UID),
    },
  };
}
