import { expect, test } from "vitest";

import { APPEARANCES, valueOf } from "@/tools/appearances";

/** Of a voxel of this value, between the points of the table linear. */
function opacityAt(name: string, value: number): number {
  const { opacity = [] } = APPEARANCES[name] ?? {};
  const after = opacity.findIndex(([at]) => at >= value);
  if (after === 0) return opacity[0]?.[1] ?? 0;
  const [low, high] = [opacity.at(after < 0 ? -1 : after - 1), opacity.at(after < 0 ? -1 : after)];
  if (!low || !high || low === high) return low?.[1] ?? 0;
  return low[1] + ((high[1] - low[1]) * (value - low[0])) / (high[0] - low[0]);
}

test("appearances show what they are called after, and nothing that hides it", () => {
  const tissues = { air: -1000, lung: -700, fat: -100, muscle: 55, contrast: 320, bone: 900 };
  const seen = (name: string): string[] =>
    Object.entries(tissues).flatMap(([tissue, value]) => (opacityAt(name, value) > 0.02 ? [tissue] : []));
  expect(seen("CT-Bone")).toEqual(["contrast", "bone"]);
  expect(seen("CT-Soft-Tissue")).toEqual(["muscle", "contrast", "bone"]);
  expect(seen("CT-Lung")).toEqual(["lung"]);
  expect(seen("CT-Coronary-Arteries")).toEqual(["contrast", "bone"]);
});

test("of MR the window of the object is what shares are taken of", () => {
  const appearance = APPEARANCES["MR-Default"];
  expect(appearance && valueOf(appearance, 0.5, { lower: 100, upper: 300 })).toBe(200);
});
