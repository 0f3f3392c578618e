/** Where images lie in the patient (PS3.3 C.7.6.2.1.1): what one image cuts out of another, and which is nearest to a point. */

import type { Frame } from "@/dicomweb/frames";
import { cross, dot, minus, vector, type Vector } from "@/dicomweb/geometry";
import { number, numbers, Tag, text } from "@/dicomweb/json";

const FRAME_OF_REFERENCE_UID = "00200052";
const PARALLEL = 0.98; // cosine of 11°: slices that are scrolled together
const CUTS = 0.2; // sine of 11°: flatter cuts have no place worth a line

export interface Plane {
  /** Centre of the first pixel, mm. */
  readonly origin: Vector;
  readonly normal: Vector;
  /** The four corners, in order around the image. */
  readonly corners: readonly Vector[];
  readonly frameOfReferenceUid: string;
}

function along(from: Vector, direction: Vector, distance: number): Vector {
  return [from[0] + direction[0] * distance, from[1] + direction[1] * distance, from[2] + direction[2] * distance];
}

/** The image's plane; undefined when the object does not say where it is, or in which patient's space. */
export function planeOf({ dataset }: Frame): Plane | undefined {
  const cosines = numbers(dataset, Tag.ImageOrientationPatient);
  const [row, column] = [vector(cosines), vector(cosines, 3)];
  const origin = vector(numbers(dataset, Tag.ImagePositionPatient));
  const [between, beside] = numbers(dataset, Tag.PixelSpacing);
  const frameOfReferenceUid = text(dataset, FRAME_OF_REFERENCE_UID);
  if (!row || !column || !origin || !between || !beside || !frameOfReferenceUid) return undefined;
  const [wide, high] = [beside * ((number(dataset, Tag.Columns) ?? 1) - 1), between * ((number(dataset, Tag.Rows) ?? 1) - 1)];
  const right = along(origin, row, wide);
  const corners = [origin, right, along(right, column, high), along(origin, column, high)];
  return { origin, normal: cross(row, column), corners, frameOfReferenceUid };
}

/** The line in which `source`'s image cuts the plane of `target`: its two ends; undefined when it does not. */
export function cut(source: Plane, target: Plane): readonly [Vector, Vector] | undefined {
  if (source.frameOfReferenceUid !== target.frameOfReferenceUid) return undefined;
  const across = cross(source.normal, target.normal);
  if (Math.hypot(...across) < CUTS) return undefined;
  const ends: Vector[] = [];
  for (const [index, from] of source.corners.entries()) {
    const to = source.corners[(index + 1) % source.corners.length] ?? from;
    const [a, b] = [dot(minus(from, target.origin), target.normal), dot(minus(to, target.origin), target.normal)];
    if (a >= 0 === b >= 0) continue;
    ends.push(along(from, minus(to, from), a / (a - b)));
  }
  const [one, other] = ends;
  return one && other && [one, other];
}

/** A plane as it stands on the screen, or is cut: six cosines, and a point on it, mm. */
interface Standing {
  readonly cosines: readonly number[];
  readonly centre: Vector;
}

/** The line in which `other` cuts a plane on the screen, CSS pixels from the middle: a point of it, and its direction, of unit length. */
export function crossingOf(
  shown: Standing & { readonly mmPerPixel: number },
  other: Standing,
): { readonly through: readonly [number, number]; readonly along: readonly [number, number] } | undefined {
  const [right, down] = [vector(shown.cosines), vector(shown.cosines, 3)];
  const [row, column] = [vector(other.cosines), vector(other.cosines, 3)];
  if (!right || !down || !row || !column) return undefined;
  const normal = cross(row, column);
  const [across, along] = [dot(right, normal), dot(down, normal)];
  const steep = Math.hypot(across, along);
  if (steep < CUTS) return undefined;
  const away = dot(minus(other.centre, shown.centre), normal) / shown.mmPerPixel / steep ** 2;
  return { through: [away * across, away * along], along: [-along / steep, across / steep] };
}

/** Whether scrolling one is scrolling the other. */
export function isParallel(one: Plane, other: Plane): boolean {
  return Math.abs(dot(one.normal, other.normal)) > PARALLEL;
}

/** Where `from` comes to when it goes as far as a stack whose image was around `start` and is `now`. */
export function moved(from: Vector, start: Vector, now: Plane): Vector {
  return along(from, now.normal, dot(minus(centre(now), start), now.normal));
}

/**
 * Index of the image whose plane is nearest to a point; undefined when none has a place in that space. Without a space
 * each image is taken in its own: other studies, and what some anonymisers make of one.
 */
export function nearest(frames: readonly Frame[], point: Vector, frameOfReferenceUid?: string): number | undefined {
  let best: { readonly index: number; readonly distance: number } | undefined;
  for (const [index, frame] of frames.entries()) {
    const plane = planeOf(frame);
    if (!plane || (frameOfReferenceUid !== undefined && plane.frameOfReferenceUid !== frameOfReferenceUid)) continue;
    const distance = Math.abs(dot(minus(point, plane.origin), plane.normal));
    if (!best || distance < best.distance) best = { index, distance };
  }
  return best?.index;
}

/** The middle of the image. */
export function centre({ corners: [one, , other] }: Plane): Vector {
  if (!one || !other) throw new Error("a plane has four corners");
  return along(one, minus(other, one), 0.5);
}
