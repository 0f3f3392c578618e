import { describe, expect, it } from "vitest";

import { orientationLetters } from "@/dicomweb/frames";
import type { Dataset } from "@/dicomweb/json";
import { lateralityOf, positionAlong, slicePosition, turningOf, viewOf } from "@/dicomweb/projection";
import { ageAt } from "@/i18n/format";
import { patientFacts } from "@/ui/patient";

const said = (tag: string, ...Value: unknown[]): Dataset => ({ [tag]: { vr: "CS", Value } });
const code = (value: string, meaning: string, more: Dataset = {}): Dataset => ({ ...said("00080100", value), ...said("00080104", meaning), ...more });

describe("the side and the view of a projection", () => {
  it("are told wherever the object says them", () => {
    expect(lateralityOf({ ...said("00200062", "R"), ...said("00200060", "L") })).toBe("R");
    expect(lateralityOf(said("00209072", "L"))).toBe("L");
    expect(lateralityOf(said("00200060", "B"))).toBe("R + L");
    expect(lateralityOf(said("00200062", "U"))).toBe("");
    expect(viewOf(said("00185101", "PA"))).toBe("PA");
    expect(viewOf(said("00540220", code("R-10226", "medio-lateral oblique")))).toBe("MLO");
    expect(viewOf(said("00540220", code("399162004", "cranio-caudal")))).toBe("CC");
    expect(viewOf(said("00540220", code("X", "Waters")))).toBe("Waters");
    const magnified = said("00540222", code("399163009", "Magnification"), code("R-102D7", "Spot Compression"));
    expect(viewOf(said("00540220", code("399162004", "cranio-caudal", magnified)))).toBe("CC M S");
    expect(viewOf({})).toBe("");
  });

  it("come with letters, which turn with the image", () => {
    const breast = said("00200020", "P", "FL");
    expect(orientationLetters(breast)).toEqual({ left: "A", right: "P", top: "HR", bottom: "FL" });
    expect(orientationLetters(breast, [-1, 0, 0, 1])).toEqual({ left: "P", right: "A", top: "HR", bottom: "FL" });
    expect(orientationLetters(breast, [0, -1, 1, 0])).toEqual({ left: "FL", right: "HR", top: "A", bottom: "P" });
    expect(orientationLetters(said("00200020", "P"))).toBeUndefined();
    expect(orientationLetters(said("00200020", "DO", "MED"))).toBeUndefined();
  });
});

describe("how an image is turned", () => {
  it("is read off where the screen looks to", () => {
    expect(turningOf()).toEqual({ flipped: "no", degrees: 0 });
    expect(turningOf([0, -1, 1, 0])).toEqual({ flipped: "no", degrees: 90 });
    expect(turningOf([-1, 0, 0, -1])).toEqual({ flipped: "no", degrees: 180 });
    expect(turningOf([0, 1, -1, 0])).toEqual({ flipped: "no", degrees: 270 });
    expect(turningOf([-1, 0, 0, 1])).toEqual({ flipped: "horizontally", degrees: 0 });
    expect(turningOf([1, 0, 0, -1])).toEqual({ flipped: "vertically", degrees: 0 });
    expect(turningOf([0, -1, -1, 0])).toEqual({ flipped: "horizontally", degrees: 90 });
  });
});

describe("the position of a slice", () => {
  it("grows to the head, the back and the left, whatever way the slice looks", () => {
    expect(positionAlong([1, 0, 0, 0, 1, 0], [-200, -200, 123.5])).toEqual({ mm: 123.5, towards: "H" });
    expect(positionAlong([-1, 0, 0, 0, 1, 0], [-200, -200, -45])).toEqual({ mm: -45, towards: "F" });
    expect(positionAlong([0, 1, 0, 0, 0, -1], [12, 0, 0])).toEqual({ mm: 12, towards: "L" });
    expect(positionAlong([1, 0, 0, 0, 0, -1], [0, -30, 0])).toEqual({ mm: -30, towards: "A" });
    expect(positionAlong([], [1, 2, 3])).toBeUndefined();
    expect(slicePosition({ "00201041": { vr: "DS", Value: [7.5] } })).toEqual({ mm: 7.5, towards: "" });
  });
});

describe("an age", () => {
  it("is told in days, in months, in years", () => {
    expect(ageAt("20260301", "20260301")).toEqual({ unit: "days", count: 0 });
    expect(ageAt("20260220", "20260301")).toEqual({ unit: "days", count: 9 });
    expect(ageAt("20240402", "20260301")).toEqual({ unit: "months", count: 22 });
    expect(ageAt("20240301", "20260301")).toEqual({ unit: "years", count: 2 });
    expect(ageAt("20260302", "20260301")).toBeUndefined();
    expect(patientFacts({ birthDate: "20260301", sex: "F", studyDate: "20260301" })).toBe("01.03.2026, 0 days, female");
  });
});

it.each([
  ["HFS", [1, 0, 0, 0, 1, 0], "RLAP"],
  ["HFP", [-1, 0, 0, 0, -1, 0], "LRPA"],
  ["HFDR", [0, 1, 0, -1, 0, 0], "APLR"],
  ["HFDL", [0, -1, 0, 1, 0, 0], "PARL"],
  ["FFS", [-1, 0, 0, 0, 1, 0], "LRAP"],
  ["FFP", [1, 0, 0, 0, -1, 0], "RLPA"],
  ["FFDR", [0, -1, 0, -1, 0, 0], "PALR"],
])("an axial image of a patient who lies %s has its letters from its cosines alone", (position, cosines, sides) => {
  const image = { "00185100": { vr: "CS", Value: [position] }, "00200037": { vr: "DS", Value: cosines } };
  const [left, right, top, bottom] = sides;
  expect(orientationLetters(image)).toEqual({ left, right, top, bottom });
});
