import { expect, test } from "vitest";

import type { Frame } from "@/dicomweb/frames";
import type { Dataset } from "@/dicomweb/json";
import { displayOf } from "@/dicomweb/presentation";
import { difference, differenceWindow, ownSubtraction, subtractionIn, type Subtraction } from "@/dicomweb/subtraction";

const e = (vr: string, ...Value: unknown[]): { vr: string; Value: unknown[] } => ({ vr, Value });
const mask = { "00286101": e("CS", "AVG_SUB"), "00286102": e("US", 3, 5), "00286110": e("US", 1, 2) };
const frame = (frameNumber: number, more: Dataset = {}): Frame => ({
  studyInstanceUid: "1", seriesInstanceUid: "1.2", sopInstanceUid: "7", frameNumber, instanceNumber: 1, numberOfFrames: 5,
  dataset: { "00080016": e("UI", "1.2.840.10008.5.1.4.1.1.12.1"), "00281090": e("CS", "SUB"), "00286100": e("SQ", mask), ...more },
}); // prettier-ignore

test("an object says by itself what is taken away from which frames", () => {
  expect(ownSubtraction(frame(4))).toMatchObject({ masks: [1, 2], down: 0, right: 0, logarithmic: false });
  expect(ownSubtraction(frame(2))).toBeUndefined();
  expect(ownSubtraction(frame(4, { "00281090": e("CS", "NAT") }))).toBeUndefined();
  expect(ownSubtraction(frame(4, { "00281040": e("CS", "LIN") }))?.logarithmic).toBe(true);
  const reverse = { "00286101": e("CS", "REV_TID"), "00286102": e("US", 4, 5), "00286120": e("SS", 1) };
  expect([4, 5].map((one) => ownSubtraction(frame(one, { "00286100": e("SQ", reverse) }))?.masks)).toEqual([[3], [2]]);
});

test("a state's word counts before the object's", () => {
  const shift = { "00289506": e("US", 4, 4), "00289502": e("SQ", { "00286114": e("FL", 1.5, -2) }) };
  const state: Dataset = { "00286100": e("SQ", { ...mask, "00286101": e("CS", "TID"), "00286120": e("SS", 2) }), "00289501": e("SQ", shift) };
  expect(subtractionIn(state, frame(4))).toMatchObject({ masks: [2], down: 1.5, right: -2, visible: 0 });
  expect(subtractionIn(state, frame(2))).toBe("natural");
  expect(subtractionIn({ ...state, "00281090": e("CS", "NAT") }, frame(4))).toBe("natural");
  const display = { "00082142": e("IS", 1), "00082143": e("IS", 5), "00281090": e("CS", "SUB"), "00289478": e("FL", 25) };
  expect(subtractionIn({ ...state, "00289505": e("SQ", { "00089458": e("SQ", display) }) }, frame(4))).toMatchObject({ visible: 0.25 });
  expect(subtractionIn({ "00286100": e("SQ", { ...mask, "00286110": e("US", 9) }) }, frame(4))).toBe("elsewhere");
  expect(subtractionIn({ "00286100": e("SQ", { ...mask, "00286112": e("US", 2) }) }, frame(4))).toBe("elsewhere");
});

test("differences are moved, weighed and of logarithms where they have to be", () => {
  const how: Subtraction = { masks: [1], down: 0, right: 0, visible: 0, logarithmic: false, rescaling: { slope: 1, intercept: 0 } };
  expect([...difference([10, 20, 30, 40], [[1, 2, 3, 4], [3, 4, 5, 6]], 2, how)]).toEqual([8, 17, 26, 35]); // prettier-ignore
  expect([...difference([10, 20, 30, 40], [[1, 2, 3, 4]], 2, { ...how, down: 1 })]).toEqual([9, 18, 29, 38]);
  expect([...difference([10, 20, 30, 40], [[1, 2, 3, 4]], 2, { ...how, right: 0.5, visible: 0.5 })]).toEqual([9.5, 19.25, 28.5, 38.25]);
  expect([...difference([10, 20], [[1, 2]], 2, { ...how, rescaling: { slope: 2, intercept: 5 } })]).toEqual([18, 36]);
  const [low, high] = difference([Math.E - 1, 0], [[0, Math.E - 1]], 2, { ...how, logarithmic: true });
  expect([low, high]).toEqual([1000, -1000]);
  expect(differenceWindow(Float32Array.of(-4, 2, 4))).toEqual({ center: 0, width: 8 });
});

test("windows of a state are in the state's values", () => {
  const image = frame(1, { "00281052": e("DS", -1024), "00281053": e("DS", 2), "00280101": e("US", 12), "00280004": e("CS", "MONOCHROME2") });
  const voi = (more: Dataset = {}): Dataset => ({ "00283110": e("SQ", { "00281050": e("DS", 500), "00281051": e("DS", 100), ...more }) });
  const same = { "00281052": e("DS", -1024), "00281053": e("DS", 2) };
  expect(displayOf({ ...voi(), ...same }, image).window).toEqual({ center: 500, width: 100 });
  expect(displayOf({ ...voi({ "00281056": e("CS", "LINEAR_EXACT") }), ...same }, image).window).toEqual({ center: 500.5, width: 101 });
  expect(displayOf(voi(), image).window).toEqual({ center: -24.5, width: 199 }); // stored 450 to 549
  expect(displayOf({}, image).window).toEqual({ center: 3071.5, width: 8191 }); // every value that there may be
});
