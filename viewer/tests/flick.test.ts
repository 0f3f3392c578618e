import { expect, test } from "vitest";

import { flickOf } from "@/ui/flick";

const from = { x: 200, y: 300, at: 1000 };

test.each([
  ["to the left, the next", { x: 100, y: 310, at: 1150 }, 1],
  ["to the right, the one before", { x: 300, y: 290, at: 1200 }, -1],
  ["too slow", { x: 100, y: 300, at: 1500 }, 0],
  ["too short", { x: 160, y: 300, at: 1100 }, 0],
  ["rather down", { x: 120, y: 380, at: 1100 }, 0],
])("a stroke %s", (_name, to, step) => {
  expect(flickOf(from, to)).toBe(step);
});
