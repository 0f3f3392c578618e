import { describe, expect, it } from "vitest";

import type { VolumeGeometry } from "@/dicomweb/geometry";
import { planeOutline } from "@/model/planeOutline";

/** A cube of ten voxels of 1 mm about the origin of the patient. */
const CUBE: VolumeGeometry = {
  frames: [],
  dimensions: [10, 10, 10],
  spacing: [1, 1, 1],
  origin: [-4.5, -4.5, -4.5],
  direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  isReadBackwards: false,
  frameOfReferenceUid: "1.4",
};
const HALF = Math.SQRT1_2;
const onEdge = [HALF, 0, -HALF, 0, 1, 0, HALF, 0, HALF] as const; // turned by 45° about the axis from front to back
const TURNED: VolumeGeometry = { ...CUBE, direction: onEdge, origin: [-9 * HALF, -4.5, 0] };

const rounded = (points: readonly (readonly [number, number])[]) => points.map((place) => place.map((value) => Math.round(100 * value) / 100 + 0)).toSorted(([a = 0, b = 0], [c = 0, d = 0]) => a - c || b - d);

describe("where a plane goes through a volume", () => {
  it("is all of the picture where the volume lies straight", () => {
    expect(rounded(planeOutline(CUBE, "axial", [0, 0, 2]))).toEqual([[-5, -5], [-5, 5], [5, -5], [5, 5]]);
  });

  it("is less than the picture where it is turned", () => {
    expect(rounded(planeOutline(TURNED, "coronal", [0, 0, 0]))).toEqual([[-7.07, 0], [0, -7.07], [0, 7.07], [7.07, 0]]);
    expect(rounded(planeOutline(TURNED, "axial", [0, 0, 5]))).toEqual([[-2.07, -5], [-2.07, 5], [2.07, -5], [2.07, 5]]);
  });

  it("is as wide as the widest place of a slab", () => {
    expect(rounded(planeOutline(TURNED, "axial", [0, 0, 5], 2))).toEqual([[-4.07, -5], [-4.07, 5], [4.07, -5], [4.07, 5]]);
    expect(rounded(planeOutline(TURNED, "axial", [0, 0, 1], 3))).toEqual([[-7.07, -5], [-7.07, 5], [7.07, -5], [7.07, 5]]);
  });

  it("is nothing beside the volume", () => {
    expect(planeOutline(CUBE, "axial", [0, 0, 6])).toEqual([]);
  });
});
