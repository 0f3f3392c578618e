import { expect, test } from "vitest";

import type { Dataset } from "@/dicomweb/json";
import { distanceMm, spacingOf } from "@/dicomweb/spacing";

const ds = (values: Record<string, readonly unknown[]>): Dataset =>
  Object.fromEntries(Object.entries(values).map(([tag, Value]) => [tag, { vr: "DS", Value }]));

const [MODALITY, PIXEL, IMAGER, MAGNIFICATION, CALIBRATION, ASPECT, REGIONS] = [
  "00080060",
  "00280030",
  "00181164",
  "00181114",
  "00280A02",
  "00280034",
  "00186011",
];

test.each([
  ["a slice", { [MODALITY]: ["CT"], [PIXEL]: [0.5, 0.7] }, "patient", 0.5, 0.7],
  ["a detector", { [MODALITY]: ["DX"], [IMAGER]: [0.2, 0.2] }, "detector", 0.2, 0.2],
  ["spacing that repeats the detector's", { [MODALITY]: ["CR"], [PIXEL]: [0.2, 0.2], [IMAGER]: [0.2, 0.2] }, "detector", 0.2, 0.2],
  ["spacing that differs from it", { [MODALITY]: ["DX"], [PIXEL]: [0.1, 0.1], [IMAGER]: [0.2, 0.2] }, "calibrated", 0.1, 0.1],
  ["calibration told", { [MODALITY]: ["DX"], [PIXEL]: [0.2, 0.2], [CALIBRATION]: ["FIDUCIAL"] }, "calibrated", 0.2, 0.2],
  ["magnification", { [MODALITY]: ["MG"], [IMAGER]: [0.1, 0.1], [MAGNIFICATION]: [1.25] }, "magnified", 0.08, 0.08],
  ["a ratio alone", { [MODALITY]: ["US"], [ASPECT]: [4, 5] }, "none", 0.8, 1],
  ["nothing", { [MODALITY]: ["OT"] }, "none", 1, 1],
])("distances of %s", (_, values, basis, row, column) => {
  const spacing = spacingOf(ds(values as Record<string, readonly unknown[]>));
  expect(spacing.basis).toBe(basis);
  expect(spacing.row).toBeCloseTo(row);
  expect(spacing.column).toBeCloseTo(column);
});

test("in ultrasound a distance is measured within a region with lengths, and nowhere else", () => {
  const region = (left: number, unit: number, delta: number): Dataset =>
    ds({
      "00186012": [1],
      "00186018": [left],
      "0018601A": [0],
      "0018601C": [left + 99],
      "0018601E": [99],
      "00186024": [unit],
      "00186026": [unit],
      "0018602C": [delta],
      "0018602E": [delta * 2],
    });
  const image = { ...ds({ [MODALITY]: ["US"] }), [REGIONS]: { vr: "SQ", Value: [region(0, 3, 0.01), region(100, 4, 0.01)] } };
  expect(distanceMm(image, [10, 10], [40, 50])).toBeCloseTo(Math.hypot(3, 8)); // 30 × 0.1 mm, 40 × 0.2 mm
  expect(distanceMm(image, [10, 10], [120, 10])).toBeUndefined();
  expect(distanceMm(image, [110, 10], [120, 10])).toBeUndefined(); // seconds are no lengths
  expect(spacingOf({ ...image, ...ds({ [PIXEL]: [0.5, 0.5] }) }).basis).toBe("region"); // nor are they where one spacing is said for all
  const smaller = { ...image, ...ds({ "00280010": [50], "00280011": [100] }) }; // the regions are of twice as many rows
  expect(distanceMm(smaller, [10, 10], [40, 20])).toBeUndefined();
  expect(spacingOf(smaller).basis).toBe("none");
  expect(spacingOf({ ...image, ...ds({ "00280010": [99], "00280011": [200] }) }).basis).toBe("region"); // ends after the last row
});
