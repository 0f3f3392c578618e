/** Which points of the patient a viewport shows: the plane of the screen in the patient's coordinates. */

import { dot, minus, type Vector } from "@/dicomweb/geometry";

export interface Screen {
  /** The point in the upper left corner, mm. */
  readonly origin: Vector;
  /** A CSS pixel to the right and down, mm. */
  readonly right: Vector;
  readonly down: Vector;
  /** CSS pixels. */
  readonly width: number;
  readonly height: number;
}

export type CanvasPoint = readonly [number, number];

export function scaled(direction: Vector, length: number): Vector {
  return [direction[0] * length, direction[1] * length, direction[2] * length];
}

export function plus(...vectors: readonly Vector[]): Vector {
  return vectors.reduce<Vector>((sum, [x, y, z]) => [sum[0] + x, sum[1] + y, sum[2] + z], [0, 0, 0]);
}

/**
 * From where three points of a plane lie on the canvas: `at`, and `length` mm along two directions from it. Undefined
 * where they lie on a line.
 */
export function screenOf(
  at: Vector,
  row: Vector,
  column: Vector,
  length: number,
  canvas: readonly [CanvasPoint, CanvasPoint, CanvasPoint],
  size: readonly [number, number],
): Screen | undefined {
  const [start, along, down] = canvas;
  const [ax, ay] = [(along[0] - start[0]) / length, (along[1] - start[1]) / length];
  const [bx, by] = [(down[0] - start[0]) / length, (down[1] - start[1]) / length];
  const determinant = ax * by - bx * ay;
  if (Math.abs(determinant) < 1e-12) return undefined;
  const inPlane = (x: number, y: number): Vector =>
    plus(scaled(row, (x * by - y * bx) / determinant), scaled(column, (y * ax - x * ay) / determinant));
  const origin = plus(at, inPlane(-start[0], -start[1]));
  return { origin, right: inPlane(1, 0), down: inPlane(0, 1), width: size[0], height: size[1] };
}

/** Where a point lies on the screen, seen straight; CSS pixels. */
export function onScreen({ origin, right, down }: Screen, point: Vector): CanvasPoint {
  const away = minus(point, origin);
  return [dot(away, right) / dot(right, right), dot(away, down) / dot(down, down)];
}
