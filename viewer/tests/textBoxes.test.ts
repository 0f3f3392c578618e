import { expect, test } from "vitest";

import { placeBeside, type Box } from "@/viewport/textBoxes";

const room = { width: 800, height: 600 };
const text = { width: 200, height: 80 };

function covers(one: Box, other: Box): boolean {
  return one.x < other.x + other.width && other.x < one.x + one.width && one.y < other.y + other.height && other.y < one.y + one.height;
}

test("a text stands beside its region, wherever that lies, and in the viewport", () => {
  for (const x of [0, 300, 600, 780]) {
    for (const y of [0, 250, 560]) {
      const own = { x, y, width: 120, height: 90 };
      const place = placeBeside(own, text, room, []);
      expect(covers(place, own), `${x} ${y}`).toBe(false);
      expect(place.x >= 0 && place.x + place.width <= room.width && place.y >= 0 && place.y + place.height <= room.height).toBe(true);
    }
  }
});

test("a text wider than what is left beside a region goes below or above it", () => {
  const own = { x: 100, y: 250, width: 190, height: 60 };
  const place = placeBeside(own, { width: 360, height: 80 }, { width: 390, height: 600 }, []);
  expect(covers(place, own)).toBe(false);
  expect(Math.min(Math.abs(place.y - 310), Math.abs(place.y + 80 - 250))).toBeLessThan(20);
});

test("texts of neighbouring points stand clear of each other, and near", () => {
  const taken: Box[] = [];
  for (const y of [300, 304, 308]) {
    const own = { x: 400, y, width: 0, height: 0 };
    const place = placeBeside(own, { width: 60, height: 17 }, room, taken);
    expect(taken.some((one) => covers(one, place))).toBe(false);
    expect(Math.abs(place.y - y)).toBeLessThan(90);
    taken.push(place);
  }
});

test("where no place beside a region is free, the nearest free one further away is taken", () => {
  const low = { width: 340, height: 250 };
  const corners = [
    { x: 0, y: 0, width: 150, height: 150 },
    { x: 190, y: 0, width: 150, height: 64 },
    { x: 0, y: 190, width: 150, height: 60 },
    { x: 190, y: 150, width: 150, height: 100 },
  ];
  const own = { x: 150, y: 119, width: 40, height: 30 };
  const place = placeBeside(own, { width: 140, height: 68 }, low, corners);
  expect([own, ...corners].some((one) => covers(one, place))).toBe(false);
});
