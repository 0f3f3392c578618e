import { expect, test } from "vitest";

import { gripsOf, type Spot } from "@/ui/curved/grips";

const spot = (x: number, away = false): Spot => ({ at: [x, 40], away });

test("points of a curve that lie far from one another are taken at their widest", () => {
  expect(gripsOf([spot(0), spot(50), spot(120, true)], 0)).toEqual([18, 18, 18]);
});

test("near one another each is taken on its own half", () => {
  expect(gripsOf([spot(0), spot(30)], undefined)).toEqual([15, 15]);
});

test("one off the plane gives way to one in it that lies where it does, and is still seen", () => {
  expect(gripsOf([spot(0, true), spot(10)], undefined)).toEqual([undefined, 18]);
  expect(gripsOf([spot(0), spot(10)], undefined)).toEqual([18, undefined]);
});

test("the chosen one never gives way", () => {
  expect(gripsOf([spot(0), spot(3, true), spot(0, true)], 2)).toEqual([undefined, undefined, 18]);
});
