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
