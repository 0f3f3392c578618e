import { expect, test } from "vitest";

import { seriesContent, type Frame } from "@/dicomweb/frames";
import { volumeOf } from "@/dicomweb/geometry";
import { phasesOf } from "@/dicomweb/phases";

interface Slice {
  readonly at: readonly number[];
  readonly time?: number;
  readonly cosines?: readonly number[];
  readonly samples?: number;
  readonly rows?: number;
}

let serial = 0;

const element = (Value: readonly unknown[]) => ({ vr: "DS", Value });

function slice({ at, time, cosines = [1, 0, 0, 0, 1, 0], samples = 1, rows = 4 }: Slice): Frame {
  serial += 1;
  return {
    studyInstanceUid: "1",
    seriesInstanceUid: "1.1",
    sopInstanceUid: `1.1.${serial}`,
    frameNumber: 1,
    instanceNumber: serial,
    numberOfFrames: 1,
    dataset: {
      "00200037": element(cosines),
      "00200032": element(at),
      "00280010": element([rows]),
      "00280011": element([6]),
      "00280030": element([0.5, 0.25]),
      "00280002": element([samples]),
      ...(time !== undefined && { "00181060": element([time]) }),
    },
  };
}

const stack = (...z: readonly number[]): Frame[] => z.map((height) => slice({ at: [1, 2, height] }));

test("regular slices in any order are a volume in the patient", () => {
  const { volume } = volumeOf(stack(4, 0, 2));
  expect(volume?.dimensions).toEqual([6, 4, 3]);
  expect(volume?.spacing).toEqual([0.25, 0.5, 2]);
  expect(volume?.origin).toEqual([1, 2, 0]);
  expect(volume?.direction).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
});

test("a volume knows at which end its images are begun to be read", () => {
  expect(volumeOf(stack(0, 2, 4)).volume?.isReadBackwards).toBe(false);
  expect(volumeOf(stack(4, 2, 0)).volume?.isReadBackwards).toBe(true);
  expect(volumeOf(phasesOf(stack(4, 2, 0))?.[0]?.frames ?? []).volume?.isReadBackwards).toBe(true);
  const moments = [0, 30].flatMap((time) => [2, 1, 0].map((z) => slice({ at: [0, 0, z], time })));
  expect(phasesOf(moments)?.map(({ frames }) => volumeOf(frames).volume?.isReadBackwards)).toEqual([true, true]);
});

test("what is no volume is refused with its reason", () => {
  expect(volumeOf(stack(0, 1)).refused).toBe("few");
  expect(volumeOf(stack(0, 1, 3))).toMatchObject({ refused: "irregular" });
  expect(volumeOf(stack(0, 1, 2, 4, 5))).toEqual({ refused: "irregular", value: 2 }); // one is missing
  expect(volumeOf(stack(0, 1, 1, 2)).refused).toBe("places");
  expect(volumeOf([...stack(0, 1), slice({ at: [1, 2, 2], samples: 3 })]).refused).toBe("colour");
  expect(volumeOf([...stack(0, 1), slice({ at: [1, 2, 2], rows: 5 })]).refused).toBe("sizes");
  expect(volumeOf([...stack(0, 1), slice({ at: [] })]).refused).toBe("position");
  expect(volumeOf([...stack(0, 1), slice({ at: [1, 2, 2], cosines: [1, 0, 0, 0, 0, 1] })]).refused).toBe("orientation");
});

test("a gantry tilt is told in degrees", () => {
  const tilted = [0, 1, 2].map((step) => slice({ at: [0, step * Math.tan(Math.PI / 12), step] }));
  const found = volumeOf(tilted);
  expect(found.refused).toBe("tilt");
  expect(found.refused && found.value).toBeCloseTo(15);
});

test("scanners' rounding is no irregularity", () => {
  expect(volumeOf(stack(0, 0.62, 1.25, 1.88, 2.5)).volume?.spacing[2]).toBeCloseTo(0.625);
});

test("places that come again are phases, in the order of their times", () => {
  const frames = [30, 0, 60].flatMap((time) => [0, 1, 2].map((z) => slice({ at: [0, 0, z], time })));
  const phases = phasesOf(frames);
  expect(phases?.map(({ time }) => time)).toEqual([0, 30, 60]);
  expect(phases?.every(({ frames: own }) => volumeOf(own).volume !== undefined)).toBe(true);
  expect(phasesOf(frames.slice(1))).toBeUndefined();
  expect(phasesOf(stack(0, 1, 2))).toHaveLength(1);
});

/** The frames of a dose grid, one object. */
function grid(offsets: readonly number[], cosines = [1, 0, 0, 0, 1, 0]): readonly Frame[] {
  const [own] = stack(-30);
  const dataset = { ...own?.dataset, "00080018": { vr: "UI", Value: ["1.2.3"] }, "00280008": element([offsets.length]), "3004000C": element(offsets) };
  return seriesContent("1", "1.1", [{ ...dataset, "00200037": element(cosines), "7FE00010": { vr: "OW" } }]).frames;
}

function places(frames: readonly Frame[]): unknown[] {
  return frames.map(({ frameNumber, dataset }) => [frameNumber, dataset["00200032"]?.Value]);
}

test("planes of a dose grid are places, not moments: by their offsets, or by their own heights", () => {
  expect(places(grid([0, 5, 10]))).toEqual([[1, [1, 2, -30]], [2, [1, 2, -25]], [3, [1, 2, -20]]]);
  expect(places(grid([0, -5, -10]))).toEqual([[1, [1, 2, -30]], [2, [1, 2, -35]], [3, [1, 2, -40]]]);
  expect(places(grid([-30, -25, -20]))).toEqual(places(grid([0, 5, 10])));
  expect(places(grid([0, 5, 10], [-1, 0, 0, 0, 1, 0]))).toEqual([[1, [1, 2, -30]], [2, [1, 2, -35]], [3, [1, 2, -40]]]); // its normal goes to the feet
  expect(phasesOf(grid([0, 5, 10]))).toHaveLength(1);
  expect(volumeOf(grid([0, 5, 10])).volume?.spacing).toEqual([0.25, 0.5, 5]);
  expect(volumeOf(grid([7, 12, 17])).refused).toBe("position"); // neither: nobody knows where they lie
});
