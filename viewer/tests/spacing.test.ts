import { expect, test } from "vitest";

import type { Dataset } from "@/dicomweb/json";
import { spacingOf } from "@/dicomweb/spacing";

const ds = (values: Record<string, readonly unknown[]>): Dataset =>
  Object.fromEntries(Object.entries(values).map(([tag, Value]) => [tag, { vr: "DS", Value }]));

const [MODALITY, PIXEL, IMAGER, MAGNIFICATION, CALIBRATION, ASPECT] = [
  "00080060",
  "00280030",
  "00181164",
  "00181114",
  "00280A02",
  "00280034",
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
