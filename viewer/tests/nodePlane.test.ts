import { describe, expect, it } from "vitest";

import type { VolumeGeometry } from "@/dicomweb/geometry";
import { extent, nodePlanePath, oneFurther, openingScale, opensAt, voxelAlong, wholeAlong } from "@/model/nodePlane";

/** Ten slices of 4 × 6, 2 mm apart, from the feet to the head; two more rows than columns. */
const frames = [{ studyInstanceUid: "1.2", seriesInstanceUid: "1.3" }] as unknown as VolumeGeometry["frames"];
const VOLUME: VolumeGeometry = {
  frames,
  dimensions: [4, 6, 10],
  spacing: [1, 0.5, 2],
  origin: [-1, 10, 100],
  direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  isReadBackwards: false,
  frameOfReferenceUid: "1.4",
};
const imagesOf = (modality: string): VolumeGeometry => {
  const dataset = { "00080060": { vr: "CS", Value: [modality] } };
  return { ...VOLUME, frames: [{ ...frames[0], dataset }] as unknown as VolumeGeometry["frames"] };
};
const after = (volume: VolumeGeometry, plane: "axial" | "coronal") => oneFurther(volume, plane).map((value) => value + 0);
const SINGLE = { mm: 0, mode: "maximum" } as const;

describe("the node's picture of a plane", () => {
  it("is of the plane that stands there later", () => {
    expect(extent(VOLUME)).toEqual({ middle: [0.5, 11.25, 109], from: [-1, 10, 100], to: [2, 12, 118] });
    const path = nodePlanePath(VOLUME, { plane: "sagittal", at: [1.4, 11, 109], slab: SINGLE });
    expect(path).toBe(
      "/dicom-web/studies/1.2/series/1.3/renderedmpr?renderingmethod=average_ip&viewpointlookat=1.4,11,109&viewpointposition=101.4,11,109&viewpointup=0,0,1",
    );
    expect(nodePlanePath(VOLUME, { plane: "axial", at: [1, 11, 109], slab: { mm: 12, mode: "minimum" } })).toContain("renderingmethod=minimum_ip");
    expect(nodePlanePath(VOLUME, { plane: "axial", at: [1, 11, 109], slab: { mm: 12, mode: "minimum" } })).toContain("viewpointup=0,-1,0&mprslab=12");
  });

  it("stays in the middle for a point of the voxels that it goes through", () => {
    expect(opensAt(VOLUME, "sagittal", undefined)).toEqual([0.5, 11.25, 109]);
    expect(opensAt(VOLUME, "sagittal", [1, 12, 110])).toEqual([0.5, 11.25, 109]);
    expect(opensAt(VOLUME, "sagittal", [1.1, 12, 110])).toEqual([1.1, 12, 110]);
  });

  it("is of all of the volume where no place is named", () => {
    expect(nodePlanePath(VOLUME, { plane: "coronal", at: undefined, slab: { mm: 12, mode: "minimum" } })).toMatch(/rendered3d\?renderingmethod=maximum_ip(?!.*slab)/);
  });

  it("is in the window in which the device would draw it: a projection of CT in a wide one", () => {
    const solid = { plane: "coronal", at: undefined, slab: SINGLE } as const;
    expect(nodePlanePath(imagesOf("CT"), solid)).toContain("&window=450.0000,1800.0000,linear-exact");
    expect(nodePlanePath(imagesOf("CT"), { ...solid, at: [1, 11, 109] })).not.toContain("window");
    expect(nodePlanePath(imagesOf("MR"), solid)).not.toContain("window");
    expect(nodePlanePath(imagesOf("CT"), { ...solid, window: "images" })).not.toContain("window");
    expect(nodePlanePath(imagesOf("MR"), { ...solid, window: { lower: 0, upper: 30 } })).toContain("&window=15.0000,30.0000,linear-exact");
  });

  it("is as long as the voxels along it", () => {
    expect([wholeAlong(VOLUME, [0, 0, -1]), voxelAlong(VOLUME, [0, 0, -1])]).toEqual([20, 2]);
    expect([wholeAlong(VOLUME, [0, 1, 0]), voxelAlong(VOLUME, [0, 1, 0])]).toEqual([3, 0.5]);
  });

  it("opens as large as all of it can be seen, in portrait and landscape", () => {
    const front = [[1, 0, 0], [0, 0, -1]] as const; // 4 mm wide and 20 high
    expect(openingScale(VOLUME, front, [100, 400])).toBe(0.05);
    expect(openingScale(VOLUME, front, [40, 400])).toBe(0.1);
    expect(openingScale(VOLUME, front, [800, 400], 1.05)).toBeCloseTo(0.0525, 9);
    const turned = { ...VOLUME, direction: [Math.SQRT1_2, Math.SQRT1_2, 0, -Math.SQRT1_2, Math.SQRT1_2, 0, 0, 0, 1] };
    expect(openingScale(turned, front, [1, 400])).toBeCloseTo(7 * Math.SQRT1_2, 9);
  });

  it("goes on as the images are counted where the planes are the images", () => {
    expect(after(VOLUME, "axial")).toEqual([0, 0, 2]);
    expect(after({ ...VOLUME, isReadBackwards: true }, "axial")).toEqual([0, 0, -2]);
    expect(after(VOLUME, "coronal")).toEqual([0, -0.5, 0]);
  });
});
