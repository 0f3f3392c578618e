import { describe, expect, it } from "vitest";

import type { Dataset } from "@/dicomweb/json";
import { chosen, fileName, filmSize, FIRST_CHOICES, mayShowIdentity } from "@/pictures/choices";
import { inLines } from "@/pictures/draw";

const patient: Dataset = {
  "00100010": { vr: "PN", Value: [{ Alphabetic: "Әбдірахманова^Ұлжан" }] },
  "00100020": { vr: "LO", Value: ["ID/7"] },
  "00080020": { vr: "DA", Value: ["20261123"] },
  "00080060": { vr: "CS", Value: ["CT"] },
};

function image(modality: string, burned?: string, samples = 1): Dataset {
  return {
    "00080060": { vr: "CS", Value: [modality] },
    "00280002": { vr: "US", Value: [samples] },
    ...(burned && { "00280301": { vr: "CS", Value: [burned] } }),
  };
}

describe("choices", () => {
  it("name no patient in files, and do on paper", () => {
    expect(FIRST_CHOICES.burned.identity).toBe(false);
    expect(chosen(FIRST_CHOICES, { form: "print" }).burned.identity).toBe(true);
    expect(chosen(chosen(FIRST_CHOICES, { form: "print" }), { form: "jpeg" }).burned.identity).toBe(false);
  });

  it("keep what was said of the patient while the form is of a kind", () => {
    const named = chosen(FIRST_CHOICES, { burned: { ...FIRST_CHOICES.burned, identity: true } });
    expect(chosen(named, { subject: "layout" }).burned.identity).toBe(true);
    expect(chosen(named, { form: "jpeg" }).burned.identity).toBe(true);
  });

  it("make a film of a series only", () => {
    const film = chosen(chosen(FIRST_CHOICES, { subject: "series" }), { form: "mp4" });
    expect(film.form).toBe("mp4");
    expect(chosen(film, { subject: "view" }).form).toBe("png");
  });

  it("print as large as in the patient one picture a page", () => {
    const real = chosen(chosen(FIRST_CHOICES, { form: "print", size: "native" }), { trueSize: true });
    expect(real.trueSize).toBe(true);
    expect(chosen(real, { perPage: 4 }).trueSize).toBe(false);
    expect(chosen(real, { subject: "layout" })).toMatchObject({ trueSize: false, size: "shown" });
  });
});

describe("names of files", () => {
  it("tell nothing of anybody when the identity is removed", () => {
    expect(fileName(patient, false, ["series 2", "image 14"])).toBe("CT series 2 image 14");
  });

  it("say whose it is otherwise, in letters that a file name may have", () => {
    expect(fileName(patient, true, ["series 2"])).toBe("Әбдірахманова Ұлжан ID 7 20261123 CT series 2");
  });

  it("are never empty", () => {
    expect(fileName({}, false, [])).toBe("picture");
  });
});

describe("pixels that may tell", () => {
  it.each([
    [image("US"), true],
    [image("US", "NO"), false],
    [image("CT"), false],
    [image("CT", "YES"), true],
    [image("CT", undefined, 3), true],
  ])("%#", (dataset, expected) => {
    expect(mayShowIdentity(dataset)).toBe(expected);
  });
});

describe("films", () => {
  it("have even sides", () => {
    expect(filmSize(511, 333, 1920)).toEqual([512, 334]);
    expect(filmSize(4096, 2048, 1920)).toEqual([1920, 960]);
  });
});

it("has the whole caution of a narrow picture, in lines", () => {
  expect(inLines("not for diagnosis", (line) => line.length <= 40)).toEqual(["not for diagnosis"]);
  expect(inLines("not for diagnosis", (line) => line.length <= 12)).toEqual(["not for", "diagnosis"]);
  expect(inLines("диагностикалоого арналган эмес", (line) => line.length <= 12)).toEqual(["диагностикалоого", "арналган", "эмес"]);
});
