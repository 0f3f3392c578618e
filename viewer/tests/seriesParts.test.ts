import { signal } from "@preact/signals";
import { expect, test } from "vitest";

import type { DicomWeb, SeriesSummary } from "@/dicomweb/client";
import { seriesContent } from "@/dicomweb/frames";
import { text, type Dataset } from "@/dicomweb/json";
import { marksOf } from "@/model/marks";
import { mixedSeries, NONE_MIXED } from "@/model/mixedSeries";
import { clipsOf, laidOverAmong, readableAmong } from "@/model/seriesParts";
import type { Workspace } from "@/model/workspace";

const [ULTRASOUND, REPORT, PLAN, SEGMENTATION, STRUCTURES] = ["3.1", "88.11", "481.5", "66.4", "481.3"].map((end) => `1.2.840.10008.5.1.4.1.1.${end}`) as [string, string, string, string, string];

function object(uid: string, sopClassUid: string, frames?: number, more: Dataset = {}): Dataset {
  const image: Dataset = frames === undefined ? {} : { "00280008": { vr: "IS", Value: [frames] }, "00280010": { vr: "US", Value: [4] }, "7FE00010": { vr: "OW", BulkDataURI: "x" } };
  return { "00080016": { vr: "UI", Value: [sopClassUid] }, "00080018": { vr: "UI", Value: [uid] }, "00200013": { vr: "IS", Value: [Number(uid)] }, ...image, ...more };
}

const content = (...objects: Dataset[]) => seriesContent("1.1", "1.2", objects);

test("each object of a series of loops is one to go to, and loops are counted", () => {
  const { frames } = content(object("1", ULTRASOUND, 3), object("2", ULTRASOUND, 1), object("3", ULTRASOUND, 2));
  expect(clipsOf(frames)).toEqual([
    { sopInstanceUid: "1", frames: 3, number: 1 },
    { sopInstanceUid: "2", frames: 1, number: undefined },
    { sopInstanceUid: "3", frames: 2, number: 2 },
  ]);
});

test("a single loop, stills alone and slices are none", () => {
  expect(clipsOf(content(object("1", ULTRASOUND, 3)).frames)).toEqual([]);
  expect(clipsOf(content(object("1", ULTRASOUND, 1), object("2", ULTRASOUND, 1)).frames)).toEqual([]);
  const placed = { "00200032": { vr: "DS", Value: [0, 0, 0] }, "00200037": { vr: "DS", Value: [1, 0, 0, 0, 1, 0] }, "00200052": { vr: "UI", Value: ["1.9"] }, "00280030": { vr: "DS", Value: [1, 1] }, "00280011": { vr: "US", Value: [4] } };
  expect(clipsOf(content(object("1", ULTRASOUND, 3, placed), object("2", ULTRASOUND, 3, placed)).frames)).toEqual([]);
});

test("what can be read is listed where it lies among images", () => {
  const report = object("9", REPORT);
  expect(readableAmong(content(object("1", ULTRASOUND, 1), report, object("8", PLAN)))).toEqual([report]);
  expect(readableAmong(content(report))).toEqual([]);
});

test("segmentations and structure sets among images are laid over them, and are no images", () => {
  const sequence = { "00620002": { vr: "SQ", Value: [{ "00620004": { vr: "US", Value: [1] } }] } };
  const [segmentation, structures] = [object("8", SEGMENTATION, 2, sequence), object("9", STRUCTURES)];
  const mixed = content(segmentation, structures, object("1", ULTRASOUND, 1), object("2", ULTRASOUND, 1));
  expect(mixed.frames.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(["1", "2"]);
  expect(mixed.marked.map(({ sopInstanceUid, frameNumber }) => [sopInstanceUid, frameNumber])).toEqual([["8", 1], ["8", 2]]);
  expect(laidOverAmong(mixed).map((dataset) => text(dataset, "00080018"))).toEqual(["8", "9"]);
  const alone = content(segmentation, structures);
  expect([alone.frames.length, alone.marked.length, laidOverAmong(alone).length]).toEqual([2, 0, 0]);
  const ofSlide = content(object("8", SEGMENTATION, 2, { ...sequence, "00480006": { vr: "UL", Value: [8] }, "00480007": { vr: "UL", Value: [4] } }));
  expect([ofSlide.slides.length, ofSlide.frames.length, ofSlide.marked.length]).toEqual([1, 2, 0]);
});

test("what is laid over images is offered though it lies in their series", () => {
  const structures = { "30060010": { vr: "SQ", Value: [{ "00200052": { vr: "UI", Value: ["7"] } }] }, "30060020": { vr: "SQ", Value: [{ "30060022": { vr: "IS", Value: [1] } }] } };
  const sequence = { "00620002": { vr: "SQ", Value: [{ "00620004": { vr: "US", Value: [1] } }] }, "00700081": { vr: "LO", Value: ["Livers"] } };
  const own = seriesContent("1", "a", [object("1", ULTRASOUND, 1), object("8", SEGMENTATION, 1, sequence), object("9", STRUCTURES, undefined, structures)]);
  const series = [{ seriesInstanceUid: "a", modality: "US", description: "Abdomen" }, { seriesInstanceUid: "b", modality: "US" }];
  const study = { series: signal(series), mixed: signal(NONE_MIXED), library: { of: () => ({ content: signal(own) }) } };
  const marks = marksOf({ study } as unknown as Workspace);
  expect(marks.candidates.value).toEqual([]);
  study.mixed.value = { read: new Set(), marked: new Set(["a"]) };
  marks.ask();
  expect(marks.all.value.map(({ title, modality, isAmongImages }) => [title, modality, isAmongImages])).toEqual([["Livers", "SEG", true], ["Abdomen", "RTSTRUCT", true]]);
  expect(marks.all.value.every((one) => one.belongsTo(own))).toBe(true);
});

test("the node is asked which series are mixed where classes of the study say that there may be some", async () => {
  const asked: (readonly string[])[] = [];
  const web = (classes: string[], found: readonly (readonly [string, string])[] = []) =>
    ({
      sopClasses: async () => classes,
      objectsOfClasses: async (_: string, wanted: readonly string[]) => (asked.push(wanted), found.map(([seriesInstanceUid, sopClassUid]) => ({ seriesInstanceUid, sopClassUid }))),
    }) as unknown as DicomWeb;
  const series = ["a", "b", "c"].map((seriesInstanceUid) => ({ seriesInstanceUid, numberOfInstances: 2 }) as SeriesSummary);
  const { signal } = new AbortController();
  expect(await mixedSeries(web([ULTRASOUND, PLAN]), "1", series, signal)).toEqual(NONE_MIXED);
  expect(await mixedSeries(web([REPORT, SEGMENTATION]), "1", series, signal)).toEqual(NONE_MIXED);
  expect(asked).toEqual([]);
  const found = [["a", REPORT], ["b", REPORT], ["b", SEGMENTATION], ["c", SEGMENTATION]] as const;
  expect(await mixedSeries(web([ULTRASOUND, REPORT, SEGMENTATION], found), "1", series, signal)).toEqual({ read: new Set(["a"]), marked: new Set(["c"]) });
  expect(asked).toEqual([[REPORT, SEGMENTATION]]);
});
