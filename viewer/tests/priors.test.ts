import { expect, test } from "vitest";

import type { SeriesSummary } from "@/dicomweb/client";
import type { Dataset } from "@/dicomweb/json";
import { counterpart, dateDistance, priorsOf, samenessOf } from "@/model/priors";

const STUDY_UID = "0020000D";
const element = (value: unknown) => ({ vr: "LO", Value: Array.isArray(value) ? value : [value] });

function study(uid: string, date: string, modality: string, more: Record<string, unknown> = {}): Dataset {
  const values = {
    [STUDY_UID]: uid,
    "00080020": date,
    "00080061": [modality],
    "00100010": { Alphabetic: "Phantom^Anna" },
    "00100020": "P1",
    "00100030": "19700102",
    ...more,
  };
  return Object.fromEntries(Object.entries(values).map(([tag, value]) => [tag, element(value)]));
}

const READ = study("1", "20260301", "CT");

test("priors are the patient's other studies, of the same modality first, then the newest", () => {
  const found = [READ, study("2", "20240101", "CT"), study("3", "20260101", "MR"), study("4", "20250101", "CT")];
  expect(priorsOf(READ, "1", ["CT"], found).map(({ studyInstanceUid }) => studyInstanceUid)).toEqual(["4", "2", "3"]);
});

test("priors of the same part of the body come first, whatever names it", () => {
  const more = (uid: string, date: string, modality: string, description: string): Dataset => study(uid, date, modality, { "00081030": description });
  const read = more("1", "20260301", "CT", "КТ органов грудной клетки");
  const found = [read, more("2", "20260201", "CT", "CT Head"), study("3", "20240101", "CT"), more("4", "20260101", "CR", "Thorax PA"), study("5", "20250101", "CT")];
  const order = (parts?: ReadonlyMap<string, readonly string[]>): string[] => priorsOf(read, "1", ["CT"], found, parts).map(({ studyInstanceUid }) => studyInstanceUid);
  expect(order(), "a description tells").toEqual(["4", "2", "5", "3"]);
  expect(order(new Map([["3", ["CHEST"]]])), "or its series").toEqual(["3", "4", "2", "5"]);
});

test("another ID is another patient, another name or birth date a reason to look twice", () => {
  expect(samenessOf(READ, study("2", "", "CT", { "00100020": "P2" }))).toBeUndefined();
  expect(samenessOf(READ, study("2", "", "CT", { "00100020": "P1*" }))).toBeUndefined();
  expect(samenessOf(READ, study("2", "", "CT", { "00100030": "19710102" }))).toBe("doubtful");
  expect(samenessOf(READ, study("2", "", "CT", { "00100010": { Alphabetic: "Other^Boris" } }))).toBe("doubtful");
  expect(samenessOf(READ, study("2", "", "CT", { "00100010": { Alphabetic: "ANNA^PHANTOM" } }))).toBe("same");
  expect(samenessOf(study("1", "", "CT", { "00100020": [] }), study("2", "", "CT", { "00100020": [] }))).toBeUndefined();
});

function series(modality: string, bodyPart: string, description: string, count: number): SeriesSummary {
  return {
    studyInstanceUid: "9",
    seriesInstanceUid: `${modality}${description}${count}`,
    modality,
    description,
    bodyPart,
    seriesNumber: 1,
    numberOfInstances: count,
  };
}

test("a series stands beside the one most like it", () => {
  const shown = series("CT", "CHEST", "Lung 1.0", 300);
  const best = series("CT", "CHEST", "lung 1.0 mm", 280);
  expect(counterpart(shown, [series("SR", "CHEST", "Lung", 1), series("CT", "HEAD", "Lung 1.0", 300), series("CT", "CHEST", "Topogram", 2), best])).toBe(best);
  expect(counterpart(shown, [series("SR", "CHEST", "Lung", 1)])).toBeUndefined();
});

test.each([
  ["20260301", "20260301", { unit: "days", count: 0, earlier: false }],
  ["20260301", "20260201", { unit: "days", count: 28, earlier: true }],
  ["20260301", "20250901", { unit: "months", count: 6, earlier: true }],
  ["20240301", "20260401", { unit: "years", count: 2, earlier: false }],
  ["20000101", "19950101", { unit: "years", count: 5, earlier: true }],
  ["20000102", "19950103", { unit: "years", count: 4, earlier: true }],
  ["", "20260401", undefined],
])("from %s to %s", (from, to, distance) => {
  expect(dateDistance(from, to)).toEqual(distance);
});
