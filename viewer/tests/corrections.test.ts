import { expect, test } from "vitest";

import type { Dataset } from "@/dicomweb/json";
import { nameWith, saidBy } from "@/model/corrections";

const STUDY: Dataset = {
  "00100010": { vr: "PN", Value: [{ Alphabetic: "Yamada^Tarou^^Dr", Ideographic: "山田^太郎" }] },
  "00100020": { vr: "LO", Value: ["1"] },
};

test("a name keeps what no field shows", () => {
  const said = saidBy(STUDY, []);
  expect(said.values).toMatchObject({ family: "Yamada", given: "Tarou", middle: "", PatientID: "1", PatientSex: "" });
  expect(nameWith(said, { ...said.values, family: " Tanaka " })).toBe("Tanaka^Tarou^^Dr=山田^太郎");
  expect(nameWith(saidBy({}, []), { ...said.values, middle: "" })).toBe("Yamada^Tarou");
});

test("only series that say a side have one to correct", () => {
  const series: Dataset[] = [
    { "0020000E": { vr: "UI", Value: ["1.2"] }, "00200011": { vr: "IS", Value: [3] }, "00200060": { vr: "CS", Value: ["R"] }, "00080060": { vr: "CS", Value: ["DX"] } },
    { "0020000E": { vr: "UI", Value: ["1.3"] }, "00080060": { vr: "CS", Value: ["CT"] } },
  ];
  expect(saidBy(STUDY, series).sides).toEqual([{ seriesInstanceUid: "1.2", label: "3 · DX", side: "R" }]);
});

function image(uid: string, modality: string, more: Dataset): Dataset {
  return { "0020000E": { vr: "UI", Value: ["1.2"] }, "00080018": { vr: "UI", Value: [uid] }, "00080060": { vr: "CS", Value: [modality] }, "00280010": { vr: "US", Value: [10] }, ...more };
}

test("every image that says a side has its own", () => {
  const said = saidBy(STUDY, [], [
    image("1.2.1", "MG", { "00200062": { vr: "CS", Value: ["R"] }, "00185101": { vr: "CS", Value: ["MLO"] }, "00200013": { vr: "IS", Value: [4] } }),
    image("1.2.2", "MG", {}),
    image("1.2.3", "MG", { "52009229": { vr: "SQ", Value: [{}] } }),
    image("1.2.4", "CR", {}),
  ]);
  expect(said.images.map(({ sopInstanceUid, number, view, side }) => [sopInstanceUid, number, view, side])).toEqual([["1.2.1", "4", "MLO", "R"], ["1.2.2", "", "", ""]]);
});
