import { expect, test } from "vitest";

import { cross, type Vector } from "@/dicomweb/geometry";
import { ellipse, indexAt, polygon, rectangle, valueAt, valuesIn, type Voxels } from "@/viewport/sampling";

const [COLUMNS, ROWS, SLICES] = [12, 10, 8];
const SPACING: Vector = [0.5, 2, 3];
const ORIGIN: Vector = [-3, 20, -7];

/** A field that is linear in the patient: between voxels its value is known exactly. */
const field = ([x, y, z]: Vector): number => 2 * x - 3 * y + 5 * z + 11;

function volume(direction: readonly number[]): Voxels {
  const values = new Float32Array(COLUMNS * ROWS * SLICES);
  const made: Voxels = { dimensions: [COLUMNS, ROWS, SLICES], spacing: SPACING, origin: ORIGIN, direction, values };
  for (let slice = 0; slice < SLICES; slice += 1)
    for (let row = 0; row < ROWS; row += 1)
      for (let column = 0; column < COLUMNS; column += 1)
        values[(slice * ROWS + row) * COLUMNS + column] = field(place(made, [column, row, slice]));
  return made;
}

function place({ origin, spacing, direction }: Voxels, index: Vector): Vector {
  return origin.map((start, axis) =>
    [0, 1, 2].reduce((sum, along) => sum + (direction[3 * along + axis] ?? 0) * (index[along] ?? 0) * (spacing[along] ?? 0), start),
  ) as unknown as Vector;
}

const STRAIGHT = [1, 0, 0, 0, 1, 0, 0, 0, 1];
const [C, S] = [Math.cos(0.3), Math.sin(0.3)];
const TURNED = [C, S, 0, -S, C, 0, 0, 0, 1];

test.each([STRAIGHT, TURNED])("between voxels values are linear, beyond the outermost there are none", (...direction) => {
  const made = volume(direction);
  const point = place(made, [3.25, 4.5, 2.75]);
  expect(indexAt(made, point).map((value) => Number(value.toFixed(9)))).toEqual([3.25, 4.5, 2.75]);
  expect(valueAt(made, [3.25, 4.5, 2.75])).toBeCloseTo(field(point), 3);
  expect(valueAt(made, [COLUMNS - 1, ROWS - 1, SLICES - 1])).toBeCloseTo(field(place(made, [COLUMNS - 1, ROWS - 1, SLICES - 1])), 3);
  expect(valueAt(made, [-0.01, 4, 2])).toBeUndefined();
  expect(valueAt(made, [3, 4, SLICES - 0.99])).toBeUndefined();
});

test("on a plane of voxels a rectangle holds just its voxels", () => {
  const made = volume(STRAIGHT);
  const corners = [[2, 3, 4], [6, 3, 4], [2, 7, 4], [6, 7, 4]].map((index) => place(made, index as unknown as Vector));
  const shape = rectangle(corners);
  const found = shape && valuesIn(made, { ...shape, normal: [0, 0, 1], right: [1, 0, 0] });
  const inside: number[] = [];
  for (let row = 3; row <= 7; row += 1) for (let column = 2; column <= 6; column += 1) inside.push(field(place(made, [column, row, 4])));
  const mean = inside.reduce((sum, value) => sum + value) / inside.length;
  const spread = Math.sqrt(inside.reduce((sum, value) => sum + (value - mean) ** 2, 0) / inside.length);
  expect(shape?.area).toBeCloseTo(2 * 8, 9);
  expect(found?.count).toBe(25);
  expect(found?.mean).toBeCloseTo(mean, 4);
  expect(found?.stdDev).toBeCloseTo(spread, 4);
  expect([found?.min, found?.max]).toEqual([Math.min(...inside), Math.max(...inside)]);
});

test("what lies beside the volume is counted, and has no value", () => {
  const made = volume(STRAIGHT);
  const corners = [[-2, 3, 4], [1, 3, 4], [-2, 4, 4], [1, 4, 4]].map((index) => place(made, index as unknown as Vector));
  const shape = rectangle(corners);
  const found = shape && valuesIn(made, { ...shape, normal: [0, 0, 1], right: [1, 0, 0] });
  expect([found?.count, found?.outside]).toEqual([4, 4]);
});

test("on an oblique plane the mean of what is symmetric is the value in its middle", () => {
  const made = volume(TURNED);
  const middle = place(made, [5.5, 4.5, 3.5]);
  const normal: Vector = [0.6, 0, 0.8];
  const right: Vector = [0.8, 0, -0.6];
  const down = cross(normal, right);
  const at = (across: number, along: number): Vector =>
    [0, 1, 2].map((axis) => (middle[axis] ?? 0) + across * (right[axis] ?? 0) + along * (down[axis] ?? 0)) as unknown as Vector;
  const shape = ellipse([at(0, 2), at(0, -2), at(-1.5, 0), at(1.5, 0)]);
  const found = shape && valuesIn(made, { ...shape, normal, right });
  expect(shape?.area).toBeCloseTo(Math.PI * 2 * 1.5, 9);
  expect(Math.abs((found?.mean ?? 0) - field(middle))).toBeLessThan(2); // the grid is not symmetric about it
  const free = polygon([at(-1, -1), at(1, -1), at(1, 1), at(-1, 1)], normal, right);
  expect(free?.area).toBeCloseTo(4, 9);
  expect(free?.contains(at(0.9, -0.9))).toBe(true);
  expect(free?.contains(at(1.1, 0))).toBe(false);
});

test("where no sample lies in the volume there are no values", () => {
  const made = volume(STRAIGHT);
  const shape = rectangle([[100, 0, 0], [101, 0, 0], [100, 1, 0], [101, 1, 0]]);
  expect(shape && valuesIn(made, { ...shape, normal: [0, 0, 1], right: [1, 0, 0] })).toBeUndefined();
});
