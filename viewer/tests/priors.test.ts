import { expect, test } from "vitest";

import type { SeriesSummary } from "@/dicomweb/client";
import { counterpart, dateDistance, personOf, priorsOf, priorTitle, samenessOf } from "@/model/priors";
import { worklistStudy, type WorklistStudy } from "@/model/worklistStudy";

function study(studyInstanceUid: string, studyDate: string, modality: string, more: Partial<WorklistStudy> = {}): WorklistStudy {
  const row = worklistStudy({ study_instance_uid: studyInstanceUid, study_date: studyDate, modalities: [modality], patient_name: "Phantom^Anna", patient_id: "P1", patient_birth_date: "19700102" });
  return { ...row, ...more };
}

const READ = study("1", "20260301", "CT");

test("priors are the patient's other studies, of the same modality first, then the newest", () => {
  const found = [READ, study("2", "20240101", "CT"), study("3", "20260101", "MR"), study("4", "20250101", "CT", { patientSex: "F", patientName: "Other Boris" })];
  expect(priorsOf(READ, "1", ["CT"], found).map(({ studyInstanceUid, sameness }) => [studyInstanceUid, sameness])).toEqual([["4", "doubtful"], ["2", "same"], ["3", "same"]]);
});

test("priors of the same part of the body come first, whatever names it", () => {
  const more = (uid: string, date: string, modality: string, description: string): WorklistStudy => study(uid, date, modality, { description });
  const read = more("1", "20260301", "CT", "КТ органов грудной клетки");
  const found = [read, more("2", "20260201", "CT", "CT Head"), study("3", "20240101", "CT"), more("4", "20260101", "CR", "Thorax PA"), study("5", "20250101", "CT")];
  const order = (parts?: ReadonlyMap<string, readonly string[]>): string[] => priorsOf(read, "1", ["CT"], found, parts).map(({ studyInstanceUid }) => studyInstanceUid);
  expect(order(), "a description tells").toEqual(["4", "2", "5", "3"]);
  expect(order(new Map([["3", ["CHEST"]]])), "or its series").toEqual(["3", "4", "2", "5"]);
});

const title = (description: string, ...modalities: string[]): string => priorTitle({ description, modalities });

test("a prior is called by its modalities and description, none of them twice", () => {
  expect(title("CT Chest", "CT")).toBe("CT Chest");
  expect(title("Chest", "CT", "SR")).toBe("CT, SR Chest");
  expect(title("PET/CT whole body", "CT", "PT")).toBe("PT PET/CT whole body");
  expect(title("", "CT")).toBe("CT");
  expect(title("Doctor's CTA", "CT")).toBe("CT Doctor's CTA");
});

test("another ID is another patient, another name or birth date a reason to look twice", () => {
  expect(samenessOf(READ, { ...READ, patientId: "P2" })).toBeUndefined();
  expect(samenessOf(READ, { ...READ, patientId: "P1*" })).toBeUndefined();
  expect(samenessOf(READ, { ...READ, issuerOfPatientId: "CLINIC" })).toBeUndefined();
  expect(samenessOf(READ, { ...READ, patientBirthDate: "19710102" })).toBe("doubtful");
  expect(samenessOf(READ, { ...READ, patientName: "Other Boris" })).toBe("doubtful");
  expect(samenessOf(READ, { ...READ, patientName: "ANNA PHANTOM" })).toBe("same");
  expect(samenessOf({ ...READ, patientId: "" }, { ...READ, patientId: "" })).toBeUndefined();
  expect(personOf({ "00100010": { vr: "PN", Value: [{ Alphabetic: "Phantom^Anna" }] }, "00100021": { vr: "LO", Value: ["CLINIC"] } })).toMatchObject({ patientName: "Phantom Anna", issuerOfPatientId: "CLINIC" });
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
