import { expect, test } from "vitest";

import type { Dataset } from "@/dicomweb/json";
import { spacingOf } from "@/dicomweb/spacing";
import { limitsOf, millimetresIn, readingAt, regionAround, spansIn, type UltrasoundRegion } from "@/dicomweb/ultrasound";
import { figuresOf } from "@/viewport/figures";
import { axisTexts } from "@/tools/axisText";

const e = (vr: string, ...Value: unknown[]): { vr: string; Value: unknown[] } => ({ vr, Value });

type Axes = readonly [unit: number, delta: number, pixel?: number, value?: number];

function region(format: number, [left, top, right, bottom]: readonly number[], x: Axes, y: Axes): Dataset {
  const told: Record<string, number | undefined> = {
    "00186012": format, "00186018": left, "0018601A": top, "0018601C": right, "0018601E": bottom,
    "00186024": x[0], "0018602C": x[1], "00186020": x[2], "00186028": x[3],
    "00186026": y[0], "0018602E": y[1], "00186022": y[2], "0018602A": y[3],
  }; // prettier-ignore
  return Object.fromEntries(Object.entries(told).flatMap(([tag, value]) => (value === undefined ? [] : [[tag, e("FD", value)]])));
}

const TISSUE = region(1, [0, 0, 99, 99], [3, 0.01], [3, 0.02]);
const SPECTRUM = region(3, [100, 0, 199, 99], [4, 0.005, 90], [7, -1.5, 40, 0]);
const M_MODE = region(2, [0, 100, 199, 199], [4, 0.01], [3, 0.025]);

const image = (...regions: Dataset[]): Dataset => ({ "00080060": e("CS", "US"), "00280010": e("US", 200), "00280011": e("US", 200), "00186011": e("SQ", ...regions) });
const around = (dataset: Dataset, ...places: [number, number][]): UltrasoundRegion => {
  const found = regionAround(dataset, places);
  if (typeof found !== "object") throw new Error(String(found));
  return found;
};

test("a distance is one of millimetres in a region with lengths on both axes alone", () => {
  const whole = image(TISSUE, SPECTRUM, M_MODE);
  const tissue = around(whole, [10, 10], [40, 50]);
  expect(tissue.isSpatial).toBe(true);
  expect(millimetresIn(tissue)).toEqual({ column: 0.1, row: 0.2 });
  expect(spacingOf({ ...whole, "00280030": e("DS", 0.5, 0.5) }).basis).toBe("region"); // nor where one spacing is said for all
  expect(around(whole, [110, 10], [120, 10]).isSpatial).toBe(false);
  expect(around(image(region(2, [0, 0, 99, 99], [3, 0.1], [3, 0.1])), [1, 1]).isSpatial).toBe(false); // an M-mode is none, whatever it says
});

test("a spectrum has time on one axis and velocity on the other", () => {
  const whole = image(TISSUE, SPECTRUM, M_MODE);
  const spectrum = around(whole, [110, 60], [150, 20]);
  expect(spansIn(spectrum, [[110, 60], [150, 20]])).toEqual([{ value: 0.2, unit: "s", axis: "x" }, { value: 60, unit: "cm/s", axis: "y" }]); // prettier-ignore
  // 40 pixels left of the moment of the image, 20 above the baseline, both counted from the region's corner
  const [time, velocity] = readingAt(whole, [150, 20]);
  expect([time?.value, time?.unit, velocity?.value, velocity?.unit]).toEqual([expect.closeTo(-0.2, 9), "s", 30, "cm/s"]);
  expect(readingAt(whole, [50, 50])).toEqual([]); // tissue has places, not readings
  expect(readingAt(whole, [50, 150])).toEqual([]); // no reference
  expect(axisTexts(spansIn(spectrum, [[110, 60], [150, 20]]), true)).toEqual(["Δt 200 ms", "Δv 60 cm/s"]); // prettier-ignore
  expect(axisTexts(readingAt(whole, [150, 20]), false)).toEqual(["t −200 ms", "v 30 cm/s"]);
});

test("an M-mode has time and depth, saved with their units", () => {
  const axes = spansIn(around(image(TISSUE, M_MODE), [10, 120], [140, 160]), [[10, 120], [140, 160]]); // prettier-ignore
  expect(axisTexts(axes, true)).toEqual(["Δt 1.3 s", "Δ 10 mm"]);
  expect(figuresOf("length", { length: undefined, axes }, image(M_MODE))).toEqual([
    { name: "time", value: expect.closeTo(1.3, 9) as number, unit: "s" },
    { name: "distance", value: 10, unit: "mm" },
  ]);
});

test("where nothing is measured it is said why", () => {
  const whole = image(TISSUE, SPECTRUM);
  expect(regionAround(whole, [[90, 10], [110, 10]])).toBe("outside"); // prettier-ignore
  expect(regionAround(whole, [[10, 150]])).toBe("outside"); // prettier-ignore
  expect(regionAround({ "00080060": e("CS", "US") }, [[10, 10]])).toBeUndefined(); // prettier-ignore
  const cut: Dataset = { ...whole, "00280010": e("US", 50), "00280011": e("US", 90) };
  expect([regionAround(cut, [[10, 10]]), limitsOf(cut), spacingOf(cut).basis]).toEqual(["beyond", "beyond", "none"]); // prettier-ignore
  expect(regionAround({ ...whole, "00280010": e("US", 99) }, [[10, 10]])).toBeTypeOf("object"); // ends after the last row
  const zoomed = region(1, [0, 0, 99, 99], [3, 0.005], [3, 0.005]);
  expect(regionAround(image(TISSUE, zoomed), [[10, 10]])).toBe("several"); // prettier-ignore
  expect(regionAround(image(TISSUE, region(1, [5, 5, 50, 50], [3, 0.01], [3, 0.02])), [[10, 10]])).toBeTypeOf("object"); // colour within tissue
  expect(regionAround(image(TISSUE, region(4, [0, 0, 99, 99], [4, 0.01], [0, 0])), [[10, 10]])).toMatchObject({ isSpatial: true }); // an ECG over it
  expect(regionAround(image(region(0, [0, 0, 99, 99], [0, 0], [0, 0])), [[10, 10]])).toBe("unitless"); // prettier-ignore
  expect([limitsOf(image(SPECTRUM)), limitsOf(image(TISSUE, SPECTRUM)), limitsOf({})]).toEqual(["axes", undefined, undefined]);
});
