import { expect, test } from "vitest";

import type { Frame } from "@/dicomweb/frames";
import type { Dataset } from "@/dicomweb/json";
import { marksOf } from "@/dicomweb/graphics";
import { displayOf, isAbout, needsNodesPicture, shuttersOf } from "@/dicomweb/presentation";

const e = (vr: string, ...Value: unknown[]): { vr: string; Value: unknown[] } => ({ vr, Value });
const frame = (sopInstanceUid: string, photometric = "MONOCHROME2"): Frame => ({
  studyInstanceUid: "1",
  seriesInstanceUid: "1.2",
  sopInstanceUid,
  frameNumber: 1,
  dataset: { "00280004": e("CS", photometric) },
  instanceNumber: 1,
  numberOfFrames: 1,
});
const about = (uid: string): Dataset => ({ "00081155": e("UI", uid) });

const state: Dataset = {
  "00081115": e("SQ", { "0020000E": e("UI", "1.2"), "00081140": e("SQ", about("7"), about("8")) }),
  "00283110": e("SQ", { "00081140": e("SQ", about("8")), "00281050": e("DS", 40), "00281051": e("DS", 400) }),
  "20500020": e("CS", "INVERSE"),
  "00700042": e("US", 90),
  "00700041": e("CS", "Y"),
  "0070005A": e("SQ", { "00700052": e("SL", 100, 1), "00700053": e("SL", 1, 50) }),
  "00700001": e("SQ", {
    "00081140": e("SQ", about("7")),
    "00700009": e("SQ", { "00700005": e("CS", "PIXEL"), "00700023": e("CS", "POLYLINE"), "00700022": e("FL", 1, 2, 3, 4) }),
    "00700008": e("SQ", { "00700006": e("ST", "here"), "00700014": e("FL", 5, 6), "00700004": e("CS", "DISPLAY") }),
  }),
  "00181600": e("CS", "RECTANGULAR", "CIRCULAR"),
  "00181602": e("IS", 10),
  "00181604": e("IS", 20),
  "00181606": e("IS", 5),
  "00181608": e("IS", 15),
  "00181610": e("IS", 10, 20),
  "00181612": e("IS", 7),
};

test("a state tells each image how it is displayed", () => {
  expect(isAbout(state, frame("7"))).toBe(true);
  expect(isAbout(state, frame("9"))).toBe(false);
  expect(displayOf(state, frame("7"))).toEqual({
    window: undefined,
    inverted: true,
    rotation: 90,
    flipped: true,
    area: { left: 0, top: 0, right: 100, bottom: 50 },
  });
  expect(displayOf(state, frame("8")).window).toEqual({ center: 40, width: 400 });
  expect(displayOf(state, frame("8", "MONOCHROME1")).inverted).toBe(false); // which are inverse of themselves
  expect(displayOf({}, frame("8"))).toMatchObject({ window: undefined, inverted: undefined, rotation: 0, area: undefined });
});

test("figures and texts lie on their images, shutters on all", () => {
  expect(marksOf(state, frame("8"))).toEqual([]);
  expect(marksOf(state, frame("7"))).toMatchObject([
    { type: "POLYLINE", points: [[1, 2], [3, 4]], display: false },
    { type: "TEXT", points: [[5, 6]], display: true, text: "here" },
  ]); // prettier-ignore
  expect(shuttersOf(state, frame("7"))).toEqual([
    { points: [[9, 4], [20, 4], [20, 15], [9, 15]] },
    { center: [19.5, 9.5], radius: 7 },
  ]); // prettier-ignore
  expect(needsNodesPicture(state, frame("7"))).toBe(false);
  expect(needsNodesPicture({ "00283000": e("SQ") }, frame("7"))).toBe(true);
});
