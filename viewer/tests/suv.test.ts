import { expect, test } from "vitest";

import type { Dataset } from "@/dicomweb/json";
import { learnAcquisitions, suvFactor } from "@/dicomweb/suv";
import { openingOf, presetsFor } from "@/tools/presets";

const element = (value: unknown): Dataset[string] => ({ vr: "LO", Value: Array.isArray(value) ? value : [value] });
const ds = (values: Record<string, unknown>): Dataset =>
  Object.fromEntries(Object.entries(values).map(([tag, value]) => [tag, element(value)]));

const HALF_LIFE_F18 = 6586.2;
const TRACER = { "00181074": 370_000_000, "00181075": HALF_LIFE_F18, "00181072": "100000.00" };
const PET = {
  "00080060": "PT",
  "00541001": "BQML",
  "00280051": ["DECY", "ATTN"],
  "00541102": "START",
  "00101030": 70,
  "00080021": "20260102",
  "00080031": "110000",
  "00080022": "20260102",
  "00080032": "110500",
};

const pet = (changes: Record<string, unknown> = {}, tracer: Record<string, unknown> = {}): Dataset =>
  ds({ ...PET, "00540016": ds({ ...TRACER, ...tracer }), ...changes });

test("the dose is decayed to the beginning of the series", () => {
  const dose = 370_000_000 * 0.5 ** (3600 / HALF_LIFE_F18);
  expect(suvFactor(pet()).factor).toBeCloseTo(70_000 / dose, 12);
});

test("an injection before midnight, a correction to the injection, values that are SUV", () => {
  const late = { "00080021": "20260102", "00080031": "003000", "00080032": "003100" };
  const dose = 370_000_000 * 0.5 ** (3600 / HALF_LIFE_F18);
  expect(suvFactor(pet(late, { "00181072": "233000" })).factor).toBeCloseTo(70_000 / dose, 12);
  expect(suvFactor(pet({ "00541102": "ADMIN" })).factor).toBeCloseTo(70_000 / 370_000_000, 12);
  expect(suvFactor(pet({ "00541001": "GML" })).factor).toBe(1);
  expect(suvFactor(pet({ "00541001": "GML", "00541006": "BW" })).factor).toBe(1);
});

test("the scanners' own ways: Philips' counts, GE's series made afterwards, times of another zone", () => {
  const dose = 370_000_000 * 0.5 ** (3600 / HALF_LIFE_F18);
  const philips = { "00541001": "CNTS", "70530011": "Philips PET Private Group" };
  expect(suvFactor(pet({ ...philips, "70531100": 0.000381, "70531109": 1.5 })).factor).toBe(0.000381);
  expect(suvFactor(pet({ ...philips, "70531100": 0, "70531109": 1.5 })).factor).toBeCloseTo((1.5 * 70_000) / dose, 12);
  expect(suvFactor(pet({ ...philips, "70530011": "SOMEBODY", "70531100": 0.000381 })).refused).toBe("units");
  const made = { "00080031": "150000", "00090010": "GEMS_PETD_01", "0009100D": "20260102110000.00" };
  expect(suvFactor(pet(made)).factor).toBeCloseTo(70_000 / dose, 12);
  expect(suvFactor(pet({ ...made, "0009100D": "20260102140000.00" })).refused).toBe("times"); // after its own image
  const abroad = { "00181072": "", "00181078": "20260102050000.000000+0000" };
  expect(suvFactor(pet({ "00080201": "+0500" }, abroad)).factor).toBeCloseTo(70_000 / dose, 12);
  expect(suvFactor(pet({}, abroad)).refused).toBe("times");
});

test("a series made after its scan: counted back from the image, else from the earliest of the series", () => {
  const dose = 370_000_000 * 0.5 ** (3600 / HALF_LIFE_F18);
  const made = { "00080021": "20260103", "00080031": "150000", "0020000E": "1.2.3" };
  // a frame of 180 s from 11:05 on; at 89.858 s its decay is that of its mean (numpy: mean of exp(-λt) over the frame)
  const told = { "00541300": 389_858, "00181242": 180_000 };
  expect(suvFactor(pet({ ...made, ...told })).factor).toBeCloseTo(70_000 / dose, 8);
  expect(suvFactor(pet({ ...made, "00541300": 389_858 })).refused).toBe("times"); // no duration, and no other image is known
  expect(suvFactor(pet({ ...made, "00541300": 10_000, "00181242": 180_000 })).refused).toBe("times"); // after its own image began
  const [first, later] = [pet({ ...made, "00080032": "110000" }), pet(made)];
  learnAcquisitions("1.2.3", [later, first]);
  expect([first, later].map((one) => suvFactor(one).factor)).toEqual([70_000 / dose, 70_000 / dose]);
  // another image was acquired before what is counted back
  expect(suvFactor(pet({ ...made, "00541300": 100_000, "00181242": 180_000 })).refused).toBe("times");
  // the time of the series lies between its images: it is none of the scan's
  expect(suvFactor(pet({ ...made, "00080021": "20260102", "00080031": "110300" })).factor).toBeCloseTo(70_000 / dose, 12);
  learnAcquisitions("1.2.3", [first, pet({ ...made, "00080032": "" })]);
  expect(suvFactor(first).refused).toBe("times");
});

test("Siemens' own figures: frame reference time and duration lead back to the scan", () => {
  const real = { "00080021": "19600614", "00080022": "19600614", "00080032": "152316.921", "00541300": 149605.34445734, "00181242": 300_000, "00101030": 69.7344 };
  const tracer = { "00181074": 178340011.59668, "00181072": "141700.000000" };
  const kept = suvFactor(pet({ ...real, "00080031": "152316.921" }, tracer)).factor ?? NaN;
  expect(suvFactor(pet({ ...real, "00080031": "180000" }, tracer)).factor ?? NaN).toBeCloseTo(kept, 9);
});

test.each([
  ["modality", { "00080060": "CT" }, {}],
  ["units", { "00541001": "CNTS" }, {}],
  ["type", { "00541001": "GML", "00541006": "LBM" }, {}], // g/mL, but not by body weight
  ["dose", { "00540016": [ds(TRACER), ds(TRACER)] }, {}], // two tracers, one image
  ["corrections", { "00280051": ["DECY"] }, {}],
  ["weight", { "00101030": [] }, {}],
  ["dose", {}, { "00181074": 0 }],
  ["decay", { "00541102": "NONE" }, {}],
  ["times", { "00080031": "120000" }, {}], // made later, and no image tells when the scan began
  ["times", {}, { "00181072": "" }],
  ["times", {}, { "00181072": "110010.00" }], // ten seconds after the scan began, not a day before
])("SUV is refused for want of %s", (why, changes, tracer) => {
  expect(suvFactor(pet(changes, tracer)).refused).toBe(why);
});

test("PET has windows from no uptake to a SUV of 5 and 10, in the image's own values", () => {
  const factor = suvFactor(pet()).factor ?? NaN;
  const ends = presetsFor(pet()).flatMap((preset) => (preset.kind === "values" ? [preset.window] : []));
  expect(ends.map(({ center, width }) => (center + width / 2) * factor)).toEqual([5, 10].map((end) => expect.closeTo(end, 9)));
  expect(ends.map(({ center, width }) => center - width / 2)).toEqual([0, 0]);
  expect(presetsFor(pet({ "00101030": 0 })).map(({ name }) => name)).toEqual(["stored", "full"]);
});

test("PET is opened dark on white, where it can be calculated from no uptake to a SUV of five", () => {
  const factor = suvFactor(pet()).factor ?? NaN;
  const { range, inverted } = openingOf(pet());
  expect([range?.lower, (range?.upper ?? NaN) * factor, inverted]).toEqual([0, expect.closeTo(5, 9), true]);
  expect(openingOf(pet({ "00101030": 0 }))).toEqual({ range: undefined, inverted: true });
  expect(openingOf(pet({ "00280004": "MONOCHROME1" })).inverted).toBe(false);
  expect(openingOf(pet({ "00080060": "CT" }))).toEqual({ range: undefined, inverted: false });
});
