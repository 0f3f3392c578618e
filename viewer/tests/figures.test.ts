import { expect, test } from "vitest";

import type { Frame } from "@/dicomweb/frames";
import type { Dataset } from "@/dicomweb/json";
import { figuresOf } from "@/viewport/figures";
import { linesOf } from "@/viewport/measurementTexts";
import { imagePlane, imageIdOf, register, unregister, windowsOf } from "@/viewport/metadata";
import { draggedWindow } from "@/viewport/windowDrag";

const e = (vr: string, ...Value: unknown[]): { vr: string; Value: unknown[] } => ({ vr, Value });
const frameOf = (dataset: Dataset): Frame =>
  ({ studyInstanceUid: "1", seriesInstanceUid: "1.2", sopInstanceUid: "1.2.3", frameNumber: 1, dataset }) as Frame;
const size: Dataset = { "00280010": e("US", 4096), "00280011": e("US", 1024) };

function written(tool: string, dataset: Dataset, stats: object): string[] | undefined {
  const frame = frameOf({ "7FE00010": e("OW"), "00280100": e("US", 16), "00280004": e("CS", "MONOCHROME2"), ...dataset });
  register(frame);
  const target = `imageId:${imageIdOf(frame)}`;
  const lines = linesOf(tool)({ cachedStats: { [target]: stats } }, target);
  unregister(frame);
  return lines;
}

test("a projection's lengths are millimetres of its detector, which is said", () => {
  const chest: Dataset = { ...size, "00080060": e("CS", "CR"), "00181164": e("DS", 0.3, 0.3) };
  expect(imagePlane(frameOf(chest))).toMatchObject({ usingDefaultValues: false, pixelSpacing: [0.3, 0.3] });
  expect(written("Length", chest, { length: 97.1, unit: "mm" })).toEqual(["97.1 mm", "At the detector"]);
  expect(written("Length", { ...chest, "00181114": e("DS", 1.2) }, { length: 80.9, unit: "mm" })).toEqual(["80.9 mm", "Estimated size"]);
  const saved = { length: 97.1, unit: "mm" };
  expect(figuresOf("length", saved, chest)).toEqual([{ name: "length", value: 97.1, unit: "mm", at_detector: true }]);
  expect(figuresOf("length", saved, { ...chest, "00181114": e("DS", 1.2) })).toEqual([{ name: "length", value: 97.1, unit: "mm" }]);
  expect(imagePlane(frameOf(size))).toMatchObject({ usingDefaultValues: true, pixelSpacing: [1, 1] });
});

test("pixels of a smaller picture lie further apart", () => {
  const whole: Dataset = { ...size, "00280030": e("DS", 0.5, 0.5) };
  expect(imagePlane(frameOf(whole), [512, 2048])).toMatchObject({ pixelSpacing: [1, 1], usingDefaultValues: false });
});

test("the spread of uptake has the unit of its mean", () => {
  const pet: Dataset = {
    "00080060": e("CS", "PT"),
    "00541001": e("CS", "BQML"),
    "00541102": e("CS", "ADMIN"),
    "00280051": e("CS", "ATTN", "DECY"),
    "00101030": e("DS", 70),
    "00080021": e("DA", "20200101"),
    "00080031": e("TM", "100000"),
    "00540016": e("SQ", { "00181072": e("TM", "100000"), "00181074": e("DS", 70_000_000), "00181075": e("DS", 6586.2) }),
  };
  const figures = { area: 12, areaUnit: "mm²", mean: 8250, stdDev: 1200, min: 5000, max: 12_500 };
  expect(written("EllipticalROI", pet, figures)).toEqual([
    "Area 12 mm²",
    "Mean 8.25 ± 1.20 SUVbw",
    "8250 ± 1200 Bq/mL",
    "Range 5.0 … 12.5 SUVbw",
    "5,000 … 12,500 Bq/mL",
  ]);
});

test("small values keep the digits that they are about, whole ones get none", () => {
  const region = { mean: 0.00097612, stdDev: 0.0000214, min: 0.0009, max: 0.00125 };
  expect(written("RectangleROI", size, region)).toEqual(["Mean 0.0009761 ± 0.0000214", "Range 0.00090 … 0.00125"]);
  const dose: Dataset = { ...size, "00080060": e("CS", "RTDOSE"), "30040002": e("CS", "GY") };
  expect(written("RectangleROI", dose, { mean: 61.237, stdDev: 0.842 })).toEqual(["Mean 61.24 ± 0.84 Gy"]);
  const ct: Dataset = { ...size, "00080060": e("CS", "CT") };
  expect(written("RectangleROI", ct, { mean: 3.1234, stdDev: 2.25 })).toEqual(["Mean 3.1 ± 2.3 HU"]);
});

test("a region over the edge says that a part of it is not measured", () => {
  expect(written("RectangleROI", size, { area: 9, areaUnit: "px²", mean: 2, stdDev: 1, min: 1, max: 3, partial: true })?.at(-1)).toBe(
    "Partly outside the image",
  );
});

test("a window is dragged in steps of its width, and never closed", () => {
  const steps = ([80, 4000] as const).map((width) => draggedWindow({ lower: 0, upper: width, deltaPointsCanvas: [0, 50] }));
  expect(steps.map(({ lower }) => lower)).toEqual([20, 1000]);
  const narrow = draggedWindow({ lower: 0, upper: 0.5, deltaPointsCanvas: [-4000, 0] });
  expect(narrow.upper - narrow.lower).toBeCloseTo(0.5);
  expect(draggedWindow({ lower: 0, upper: 100, deltaPointsCanvas: [50, 0] }).upper).toBeCloseTo(50 + 50 * Math.exp(0.25));
});

test("what has 8 bits and no window is shown from nothing to all they hold", () => {
  const plain: Dataset = { "00280101": e("US", 8), "00280103": e("US", 0) };
  expect(windowsOf(plain)).toEqual({ centers: [128], widths: [256] });
  expect(windowsOf({ ...plain, "00281052": e("DS", -100), "00281053": e("DS", 2) })).toEqual({ centers: [155.5], widths: [511] });
  expect(windowsOf({ ...plain, "00281050": e("DS", 40), "00281051": e("DS", 80) })).toEqual({ centers: [40], widths: [80] });
  const { centers, widths } = windowsOf({ ...plain, "00281050": e("DS", 40, 40), "00281051": e("DS", 1, 0.5) }) ?? { centers: [], widths: [] };
  expect([centers, widths]).toEqual([[40, 40], [expect.closeTo(1, 3), 0.5]]); // a step has ends that differ
  expect(widths[0]).toBeGreaterThan(1);
  expect(windowsOf({ ...plain, "00280101": e("US", 12) })).toBeUndefined();
  expect(windowsOf({ ...plain, "00280103": e("US", 1) })).toBeUndefined();
});
