import { expect, test } from "vitest";

import type { DicomWeb, SeriesSummary } from "@/dicomweb/client";
import { seriesContent } from "@/dicomweb/frames";
import type { Dataset } from "@/dicomweb/json";
import { mixedSeries } from "@/model/mixedSeries";
import { clipsOf, readableAmong } from "@/model/seriesParts";

const [ULTRASOUND, REPORT, PLAN, SEGMENTATION] = ["3.1", "88.11", "481.5", "66.4"].map((end) => `1.2.840.10008.5.1.4.1.1.${end}`) as [string, string, string, string];

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

test("the node is asked which series are mixed where classes of the study say that there may be some", async () => {
  const asked: (readonly string[])[] = [];
  const web = (classes: string[], documents: string[]) =>
    ({
      sopClasses: async () => classes,
      seriesOfClasses: async (_: string, wanted: readonly string[]) => (asked.push(wanted), documents),
    }) as unknown as DicomWeb;
  const series = ["a", "b"].map((seriesInstanceUid) => ({ seriesInstanceUid, numberOfInstances: 2 }) as SeriesSummary);
  const { signal } = new AbortController();
  expect(await mixedSeries(web([ULTRASOUND, SEGMENTATION], []), "1", series, signal)).toEqual(new Set());
  expect(await mixedSeries(web([REPORT], []), "1", series, signal)).toEqual(new Set());
  expect(asked).toEqual([]);
  expect(await mixedSeries(web([ULTRASOUND, REPORT], ["a", "b", "b"]), "1", series, signal)).toEqual(new Set(["a"]));
  expect(asked).toEqual([[REPORT]]);
});
