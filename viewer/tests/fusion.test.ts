import { expect, test } from "vitest";

import type { VolumeGeometry } from "@/dicomweb/geometry";
import { refusalOf, windowBetween } from "@/model/fusion";
import { endsOf } from "@/tools/presets";

function volume(patientId: string, patientName: string, frameOfReferenceUid: string): VolumeGeometry {
  const dataset = {
    "00100020": { vr: "LO", Value: [patientId] },
    "00100010": { vr: "PN", Value: [{ Alphabetic: patientName }] },
  };
  const frame = { dataset } as unknown as VolumeGeometry["frames"][number];
  return {
    frames: [frame],
    dimensions: [1, 1, 1],
    spacing: [1, 1, 1],
    origin: [0, 0, 0],
    direction: [1, 0, 0, 0, 1, 0, 0, 0, 1],
    isReadBackwards: false,
    frameOfReferenceUid,
  };
}

const CT = volume("1", "Phantom^Anna", "1.2.3");

test("one series lies over another in one space of one patient only", () => {
  expect(refusalOf(CT, { volume: volume("1", "Phantom^Anna", "1.2.3") })).toBeUndefined();
  expect(refusalOf(CT, { volume: volume("1", "Phantom^Anna", "1.2.4") })).toBe("reference");
  expect(refusalOf(volume("1", "Phantom^Anna", ""), { volume: volume("1", "Phantom^Anna", "") })).toBe("reference");
  expect(refusalOf(CT, { volume: volume("2", "Phantom^Anna", "1.2.3") })).toBe("patient");
  expect(refusalOf(CT, { volume: volume("1", "Phantom^Berta", "1.2.3") })).toBe("patient");
  expect(refusalOf(CT, { refused: "few" })).toBe("volume");
});

test("a window that is set by hand goes from the one value to the other", () => {
  for (const ends of [{ lower: 0, upper: 7.5 }, { lower: -3, upper: -2.5 }, { lower: 100, upper: 20_000 }]) {
    const preset = windowBetween(ends);
    expect(preset.kind === "values" && endsOf(preset)).toEqual(ends);
  }
});
