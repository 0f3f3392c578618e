import { expect, it } from "vitest";

import { chestWallOf, freeSideOf } from "@/dicomweb/chestWall";
import { Tag, type Dataset } from "@/dicomweb/json";
import { besideTheMiddle } from "@/viewport/chestWall";

function mammogram(row: string, modality = "MG"): Dataset {
  return {
    [Tag.Modality]: { vr: "CS", Value: [modality] },
    [Tag.PatientOrientation]: { vr: "CS", Value: [row, "F"] },
    [Tag.Columns]: { vr: "US", Value: [300] },
  };
}

/** 300 columns in the middle of 1000 CSS pixels, `moved` to the right. */
function viewport(moved: number, mirrored = false): Parameters<typeof besideTheMiddle>[0] {
  const made = {
    element: { clientWidth: 1000 },
    getPan: () => [moved, 0],
    getImageData: () => ({ imageData: { indexToWorld: (index: unknown) => index } }),
    worldToCanvas: ([column = 0]: number[]) => [500 + moved + (mirrored ? -1 : 1) * (column + 0.5 - 150), 0],
  };
  return made as unknown as Parameters<typeof besideTheMiddle>[0];
}

it("the chest wall is where a mammogram's rows lead to the back", () => {
  expect([chestWallOf(mammogram("P")), chestWallOf(mammogram("A")), chestWallOf(mammogram("L")), chestWallOf({})]).toEqual([
    "right",
    "left",
    undefined,
    undefined,
  ]);
  expect(chestWallOf(mammogram("P", "CR"))).toBeUndefined();
});

it("a mammogram stands with its chest wall at the edge, wherever it is moved to and if it is mirrored", () => {
  expect([0, 350, -20].map((moved) => besideTheMiddle(viewport(moved), mammogram("P")))).toEqual([350, 350, 350]);
  expect(besideTheMiddle(viewport(0), mammogram("A"))).toBe(-350);
  expect(besideTheMiddle(viewport(0, true), mammogram("P"))).toBe(-350);
  expect(besideTheMiddle(viewport(0), mammogram("P", "CR"))).toBe(0);
});

it("the side across from the chest wall is free, wherever it lies on the screen", () => {
  const [right, left] = [mammogram("P"), mammogram("A")];
  expect([freeSideOf(right), freeSideOf(left)]).toEqual(["left", "right"]);
  expect(freeSideOf(right, [-1, 0, 0, 1])).toBe("right"); // mirrored
  expect(freeSideOf(right, [0, 1, -1, 0])).toBeUndefined(); // upright
  expect(freeSideOf(mammogram("P", "CR"))).toBeUndefined();
});
