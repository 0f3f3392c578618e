import vtkColorMaps from "@kitware/vtk.js/Rendering/Core/ColorTransferFunction/ColorMaps.js";
import { describe, expect, it } from "vitest";

import { orientationLetters, type Frame } from "@/dicomweb/frames";
import { centre, crossingOf, cut, isParallel, moved, nearest, planeOf, type Plane } from "@/model/planes";
import { rateOf } from "@/model/cine";
import { COLOUR_MAPS } from "@/tools/colourMaps";
import { BUTTONS } from "@/tools/palette";

const AXIAL = [1, 0, 0, 0, 1, 0];
const SAGITTAL = [0, 1, 0, 0, 0, -1];

/** 11 × 11 pixels of 10 mm. */
function frame(cosines: readonly number[], position: readonly number[], space = "1.2"): Frame {
  return {
    studyInstanceUid: "1",
    seriesInstanceUid: "1",
    sopInstanceUid: "1",
    frameNumber: 1,
    instanceNumber: 1,
    numberOfFrames: 1,
    dataset: {
      "00200037": { vr: "DS", Value: cosines },
      "00200032": { vr: "DS", Value: position },
      "00200052": { vr: "UI", Value: [space] },
      "00280030": { vr: "DS", Value: [10, 10] },
      "00280010": { vr: "US", Value: [11] },
      "00280011": { vr: "US", Value: [11] },
    },
  };
}

function plane(...of: Parameters<typeof frame>): Plane {
  const found = planeOf(frame(...of));
  if (!found) throw new Error("no plane");
  return found;
}

describe("planes on the screen", () => {
  const axial = { cosines: AXIAL, centre: [10, 20, 30], mmPerPixel: 0.5 } as const;

  it("have a line where another cuts them, and none where it lies along them", () => {
    const line = crossingOf(axial, { cosines: SAGITTAL, centre: [14, 0, 0] });
    expect(line?.through.map((part) => part + 0)).toEqual([8, 0]); // 4 mm to the patient's left
    expect(line?.along.map(Math.abs)).toEqual([0, 1]);
    expect(crossingOf(axial, { cosines: AXIAL, centre: [0, 0, 0] })).toBeUndefined();
    const turned = [Math.SQRT1_2, Math.SQRT1_2, 0, 0, 0, -1];
    const oblique = crossingOf(axial, { cosines: turned, centre: [14, 20, 0] });
    expect(oblique?.through.map((part) => Math.round(1e6 * part) / 1e6)).toEqual([4, -4]);
  });
});

describe("planes in the patient", () => {
  const axial = plane(AXIAL, [0, 0, 50]);
  const sagittal = plane(SAGITTAL, [30, 0, 100]);

  it("cut each other in a line, as long as the image that cuts", () => {
    const ends = cut(axial, sagittal);
    expect(ends?.map(([x, y, z]) => [x, y, z])).toEqual([[30, 0, 50], [30, 100, 50]]);
  });

  it("do not cut where they are parallel, apart or in another space", () => {
    expect(cut(axial, plane(AXIAL, [0, 0, 60]))).toBeUndefined();
    expect(cut(plane(AXIAL, [-300, 0, 50]), sagittal)).toBeUndefined();
    expect(cut(plane(AXIAL, [0, 0, 50], "9"), sagittal)).toBeUndefined();
    expect(isParallel(axial, plane(AXIAL, [0, 0, 60]))).toBe(true);
    expect(isParallel(axial, sagittal)).toBe(false);
  });

  it("are found by a point", () => {
    const stack = [0, 10, 20, 30].map((z) => frame(AXIAL, [0, 0, z]));
    expect(nearest(stack, [5, 5, 21], "1.2")).toBe(2);
    expect(nearest(stack, [5, 5, 21], "9")).toBeUndefined();
    expect(nearest(stack, [5, 5, 21])).toBe(2);
    expect(centre(axial)).toEqual([50, 50, 50]);
  });

  it("of another study go as far as those which are scrolled", () => {
    const now = plane(AXIAL, [0, 0, 70]);
    expect(moved([50, 50, 1000], centre(axial), now)).toEqual([50, 50, 1020]);
    const prior = [980, 1000, 1020, 1040].map((z) => frame(AXIAL, [0, 0, z], "9"));
    expect(nearest(prior, centre(now), "1.2")).toBeUndefined();
    expect(nearest(prior, moved([50, 50, 1000], centre(axial), now))).toBe(2);
  });
});

describe("letters of orientation", () => {
  it("turn with the image on the screen", () => {
    const { dataset } = frame(AXIAL, [0, 0, 0]);
    expect(orientationLetters(dataset)).toEqual({ left: "R", right: "L", top: "A", bottom: "P" });
    // a quarter to the right: the screen's right looks up in the image, its down to the image's right
    expect(orientationLetters(dataset, [0, -1, 1, 0])).toEqual({ left: "P", right: "A", top: "R", bottom: "L" });
    expect(orientationLetters(dataset, [-1, 0, 0, 1])).toEqual({ left: "L", right: "R", top: "A", bottom: "P" });
  });
});

describe("the tables of the desk", () => {
  it("name colour maps that exist, each once", () => {
    expect(COLOUR_MAPS).toHaveLength(26);
    expect(COLOUR_MAPS.filter(({ name }) => !vtkColorMaps.getPresetByName(name))).toEqual([]);
    expect(new Set(COLOUR_MAPS.map(({ label }) => label)).size).toBe(26);
  });

  it("give every button a key of its own", () => {
    const keys = BUTTONS.map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("play as fast as the object asks", () => {
    expect(rateOf({ "00181063": { vr: "DS", Value: ["40"] } })).toBe(25);
    expect(rateOf({ "00082144": { vr: "IS", Value: [15] }, "00181063": { vr: "DS", Value: [40] } })).toBe(15);
    expect(rateOf({ "00181063": { vr: "DS", Value: [0] } })).toBe(10);
    expect(rateOf(undefined)).toBe(10);
  });
});
