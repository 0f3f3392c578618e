import { expect, test } from "vitest";

import { cross, dot, minus, type Vector } from "@/dicomweb/geometry";
import { pointAlong, smooth } from "@/model/curve";
import { CurvedPath } from "@/model/curvedPath";
import { direction, pointOn, section, straightened, stretched } from "@/model/reformation";
import { valuesOn } from "@/viewport/sheets";
import type { Voxels } from "@/viewport/sampling";

const [RADIUS, PITCH, TURNS] = [20, 30, 1.5];

function helix(turn: number): Vector {
  const angle = 2 * Math.PI * turn;
  return [RADIUS * Math.cos(angle), RADIUS * Math.sin(angle), PITCH * turn];
}

const POINTS = Array.from({ length: 25 }, (_, index) => helix((TURNS * index) / 24));
const LENGTH = TURNS * Math.hypot(2 * Math.PI * RADIUS, PITCH);

function helixPath() {
  const path = smooth(POINTS, 0.5);
  if (!path) throw new Error("there is a curve");
  return path;
}

test("a curve goes through its points and is as long as the helix they lie on", () => {
  const path = helixPath();
  expect(path.length).toBeGreaterThan(LENGTH * 0.999);
  expect(path.length).toBeLessThan(LENGTH * 1.001);
  for (const [index, knot] of path.knots.entries()) {
    expect(Math.hypot(...minus(pointAlong(path, knot), POINTS[index] ?? [0, 0, 0]))).toBeLessThan(0.02);
  }
  const steps = path.positions.slice(1).map((here, index) => Math.hypot(...minus(here, path.positions[index] ?? here)));
  expect(Math.max(...steps)).toBeLessThan(path.step * 1.0001);
  expect(Math.min(...steps)).toBeGreaterThan(path.step * 0.998);
  expect(path.step).toBeCloseTo(0.5, 2);
});

test("two points make a straight line; one, or the same twice, makes none", () => {
  expect(smooth([[0, 0, 0]], 0.5)).toBeUndefined();
  expect(smooth([[1, 2, 3], [1, 2, 3]], 0.5)).toBeUndefined();
  const path = smooth([[1, 2, 3], [4, 6, 3]], 0.5);
  expect(path?.length).toBeCloseTo(5, 9);
  expect(path?.positions).toHaveLength(11);
  expect(path?.ups[0]?.map((value) => value + 0)).toEqual([0, 0, 1]);
});

test("directions across stay square to the curve and turn about it only as much as its torsion asks", () => {
  const path = helixPath();
  const torsion = PITCH / (2 * Math.PI) / (RADIUS ** 2 + (PITCH / (2 * Math.PI)) ** 2);
  const turned: number[] = [];
  for (const [index, up] of path.ups.entries()) {
    const tangent = path.tangents[index] ?? [1, 0, 0];
    expect(Math.abs(dot(up, tangent))).toBeLessThan(1e-9);
    // the principal normal of a helix looks to its axis; away from it the frame turns by minus the torsion
    const [x, y] = path.positions[index] ?? [0, 0, 0];
    const normal: Vector = [-x / Math.hypot(x, y), -y / Math.hypot(x, y), 0];
    turned.push(Math.atan2(dot(up, cross(tangent, normal)), dot(up, normal)));
  }
  const [from, to] = [20, path.ups.length - 20]; // the ends of the curve are no helix
  let angle = 0;
  for (let index = from; index < to; index += 1) {
    const step = (turned[index + 1] ?? 0) - (turned[index] ?? 0);
    angle += step - 2 * Math.PI * Math.round(step / (2 * Math.PI));
  }
  expect(angle).toBeCloseTo(-torsion * (to - from) * path.step, 1);
});

const [COLUMNS, ROWS, SLICES] = [70, 70, 60];
const TURN = 0.4;
const [C, S] = [Math.cos(TURN), Math.sin(TURN)];

/** A volume which lies turned in the patient, of a field of the patient's coordinates. */
function volume(field: (point: Vector) => number): Voxels {
  const spacing: Vector = [1, 1, 1.2];
  const direction = [C, S, 0, -S, C, 0, 0, 0, 1];
  const middle: Vector = [0, 0, 22];
  const origin = [0, 1, 2].map((axis) =>
    [COLUMNS, ROWS, SLICES].reduce((sum, length, along) => sum - (direction[3 * along + axis] ?? 0) * ((length - 1) / 2) * (spacing[along] ?? 0), middle[axis] ?? 0),
  ) as unknown as Vector;
  const values = new Float32Array(COLUMNS * ROWS * SLICES);
  for (let slice = 0, at = 0; slice < SLICES; slice += 1)
    for (let row = 0; row < ROWS; row += 1)
      for (let column = 0; column < COLUMNS; column += 1, at += 1) {
        const index = [column, row, slice];
        values[at] = field([0, 1, 2].map((axis) => [0, 1, 2].reduce((sum, along) => sum + (direction[3 * along + axis] ?? 0) * (index[along] ?? 0) * (spacing[along] ?? 0), origin[axis] ?? 0)) as unknown as Vector);
      }
  return { dimensions: [COLUMNS, ROWS, SLICES], spacing, origin, direction, values };
}

const NO_SLAB = { mm: 0, mode: "maximum" } as const;
const linear = ([x, y, z]: Vector): number => 2 * x - 3 * y + 5 * z + 11;

test.each(["straightened", "stretched"] as const)("the values of a %s picture are those of the patient at its points", (form) => {
  const voxels = volume(linear);
  const path = helixPath();
  const sheet = form === "straightened" ? straightened(path, 10, 0.7) : stretched(path, 10, 0.3);
  if (!sheet) throw new Error("there is a picture");
  const values = valuesOn(voxels, sheet, NO_SLAB);
  let compared = 0;
  for (let row = 0; row < sheet.rows; row += 4) {
    for (let column = 0; column < sheet.columns.length; column += 7) {
      const value = values[row * sheet.columns.length + column] ?? NaN;
      if (Number.isNaN(value)) continue;
      expect(value).toBeCloseTo(linear(pointOn(sheet, column, row)), 2);
      compared += 1;
    }
  }
  expect(compared).toBeGreaterThan(200);
});

test("a tube along a helix is a straight band, its cross-sections are discs", () => {
  const dense = Array.from({ length: 1500 }, (_, index) => helix((TURNS * index) / 1499));
  const voxels = volume((point) => {
    const nearest = dense.reduce((best, on) => Math.min(best, (on[0] - point[0]) ** 2 + (on[1] - point[1]) ** 2 + (on[2] - point[2]) ** 2), Infinity);
    return nearest < 16 ? 1000 : 0; // 4 mm thick on each side
  });
  const path = helixPath();
  for (const angle of [0, 1, 2]) {
    const sheet = straightened(path, 24, angle);
    const values = valuesOn(voxels, sheet, NO_SLAB);
    for (let column = 20; column < sheet.columns.length - 20; column += 10) {
      const bright = Array.from({ length: sheet.rows }, (_, row) => values[row * sheet.columns.length + column] ?? 0).filter((value) => value > 500).length;
      expect(Math.abs(bright * sheet.step - 8)).toBeLessThan(1.3); // as thick everywhere, within a voxel
    }
  }
  const disc = section(path, path.length / 2, "straightened", 24, 0);
  const area = valuesOn(voxels, disc, NO_SLAB).reduce((sum, value) => sum + (value > 500 ? disc.step ** 2 : 0), 0);
  expect(area / (Math.PI * 16)).toBeCloseTo(1, 1);
}, 20_000);

test("a slab holds the most, the least or the mean of what is through it, as far as it is in the volume", () => {
  const voxels = volume(([x]) => x);
  const path = smooth([[0, -20, 22], [0, 20, 22]], 1);
  if (!path) throw new Error("there is a curve");
  const sheet = straightened(path, 4, 0);
  const through = sheet.columns[10]?.through[0] ?? 0;
  expect(Math.abs(through)).toBeCloseTo(1, 9);
  const at = 10 + sheet.columns.length * 2; // on the curve
  const value = (mode: "maximum" | "minimum" | "average"): number => valuesOn(voxels, sheet, { mm: 8, mode })[at] ?? NaN;
  expect([value("maximum"), value("minimum"), value("average")].map((one) => Number(one.toFixed(3)) + 0)).toEqual([4, -4, 0]);
  const beside = smooth([[300, 0, 0], [300, 20, 0]], 1);
  expect(beside && valuesOn(voxels, straightened(beside, 4, 0), { mm: 8, mode: "average" }).every(Number.isNaN)).toBe(true);
});

test("a stretched picture keeps lengths in its surface; the curve of a plane is looked at from its side", () => {
  const quarter = Array.from({ length: 13 }, (_, index): Vector => [30 * Math.cos((index * Math.PI) / 12), -30 * Math.sin((index * Math.PI) / 12), 5]);
  const path = smooth(quarter, 0.5);
  if (!path) throw new Error("there is a curve");
  expect(direction(path, 0).map((value) => Number(value.toFixed(3)) + 0)).toEqual([0, 0, 1]); // a jaw: up is to the head
  const sheet = stretched(path, 20, 0);
  expect((sheet?.columns.length ?? 0) * 0.5).toBeCloseTo(30 * Math.PI, -1);
  expect(sheet?.rows).toBe(41);
  const line = smooth([[0, 0, 0], [0, 0, 50]], 0.5);
  expect(line && stretched(line, 20, 0)?.columns).toHaveLength(101);
});

test("points are set, put between, dragged, removed, undone and done again", () => {
  const curve = new CurvedPath("1.2.3");
  curve.add([0, 0, 0]);
  curve.add([10, 0, 0]);
  curve.add([5, 2, 0], 5);
  expect(curve.points.value).toEqual([[0, 0, 0], [5, 2, 0], [10, 0, 0]]);
  curve.grasp(1);
  curve.drag(1, [5, 3, 0]);
  curve.drag(1, [5, 4, 0]);
  curve.undo();
  expect(curve.points.value[1]).toEqual([5, 2, 0]); // a drag is one change
  curve.redo();
  expect(curve.points.value[1]).toEqual([5, 4, 0]);
  curve.remove(0);
  expect(curve.points.value).toHaveLength(2);
  curve.clear();
  expect(curve.path.value).toBeUndefined();
  for (let count = 0; count < 9; count += 1) curve.undo();
  expect([curve.points.value.length, curve.mayUndo.value, curve.mayRedo.value]).toEqual([0, false, true]);
  curve.redo();
  curve.redo();
  curve.goTo(99, "pane");
  expect(curve.at.value.mm).toBe(10);
  expect(curve.nearest([4, 7, 0])).toBe(4);
});
