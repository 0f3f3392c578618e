import { expect, test } from "vitest";

import type { Dataset } from "@/dicomweb/json";
import { calibrate, pixelsPerMm, shownTrueSize, sizeOf } from "@/model/trueSize";

const e = (...Value: readonly unknown[]): Dataset[string] => ({ vr: "DS", Value });
const SLICE = { "00080060": e("CT"), "00280030": e(0.5, 0.5) };

function ultrasound(...steps: readonly number[]): Dataset {
  const region = (delta: number): Dataset => ({
    "00186012": e(1), "00186018": e(0), "0018601A": e(0), "0018601C": e(9), "0018601E": e(9),
    "00186024": e(3), "00186026": e(3), "0018602C": e(delta), "0018602E": e(delta),
  }); // prettier-ignore
  return { "00080060": e("US"), "00186011": { vr: "SQ", Value: steps.map(region) } };
}

test("a size is known where the image says it, and told by what it is of", () => {
  expect(sizeOf(SLICE)).toEqual({ column: 0.5, basis: "patient" });
  expect(sizeOf({ "00080060": e("DX"), "00181164": e(0.2, 0.2) })).toEqual({ column: 0.2, basis: "detector" });
  expect(sizeOf({ "00080060": e("MG"), "00181164": e(0.1, 0.1), "00181114": e(1.25) })?.basis).toBe("magnified");
  expect(sizeOf({ "00080060": e("OT") })).toBeUndefined();
  expect(sizeOf(ultrasound(0.02, 0.02))).toEqual({ column: 0.2, basis: "region" });
  expect(sizeOf(ultrasound(0.02, 0.05))).toBeUndefined(); // regions that do not agree
});

test("an image has its true size where its millimetres are those of the display", () => {
  const kept = new Map<string, string>();
  Object.assign(globalThis, {
    screen: { width: 1920, height: 1080 },
    localStorage: { getItem: (name: string) => kept.get(name) ?? null, setItem: (name: string, value: string) => kept.set(name, value) },
  });
  expect(shownTrueSize(SLICE, 2)).toBeUndefined();
  calibrate(4);
  expect(shownTrueSize(SLICE, 2)).toBe("patient");
  expect(shownTrueSize(SLICE, 2.05)).toBeUndefined();
  Object.assign(globalThis, { screen: { width: 2560, height: 1440 } }); // another display
  calibrate(9);
  Object.assign(globalThis, { screen: { width: 1920, height: 1080 } });
  calibrate(4000); // nobody has such a display
  expect(pixelsPerMm.value).toBeUndefined();
  expect(JSON.parse(kept.get("suret.display.size") ?? "")).toMatchObject({ "2560x1440": 9 });
});
