import { expect, test } from "vitest";

import { activatedBy, coarser, hasOverlayInPixels, maskOf, overlayPlanesOf } from "@/dicomweb/overlayPlanes";
import type { Dataset } from "@/dicomweb/json";

const e = (vr: string, ...Value: readonly unknown[]): Dataset[string] => ({ vr, Value });

function image(plane: Readonly<Record<string, Dataset[string]>>): Dataset {
  const group = Object.fromEntries(Object.entries(plane).map(([element, value]) => [`6002${element}`, value]));
  return { "00280010": e("US", 4), "00280011": e("US", 4), "00280100": e("US", 16), "7FE00010": { vr: "OW" }, ...group };
}

const BITS = { "0010": e("US", 2), "0011": e("US", 3), "3000": { vr: "OW", BulkDataURI: "x" } };

function rowsOf(dataset: Dataset, bytes: readonly number[], frameNumber = 1): string[] | undefined {
  const [plane] = overlayPlanesOf(dataset);
  const mask = plane && maskOf(plane, Uint8Array.from(bytes), { dataset, frameNumber });
  return mask && Array.from({ length: mask.rows }, (_, row) => [...mask.cells.subarray(row * mask.columns, (row + 1) * mask.columns)].join(""));
}

test("a plane lies where its origin says, cut at the edges of the image", () => {
  expect(rowsOf(image({ ...BITS, "0050": e("SS", 2, 2) }), [0b101_011])).toEqual(["0000", "0110", "0101", "0000"]);
  expect(rowsOf(image({ ...BITS, "0050": e("SS", 0, 3) }), [0b101_011])).toEqual(["0010", "0000", "0000", "0000"]);
  expect(rowsOf(image({ ...BITS, "0050": e("SS", 4, -1) }), [0b101_111])).toEqual(["0000", "0000", "0000", "1000"]);
  expect(rowsOf(image(BITS), [])).toBeUndefined(); // bits are missing
});

test("frames of a plane begin at the frame of the image that they name, and bits run on over bytes", () => {
  const moving = image({ ...BITS, "0015": e("IS", 2), "0051": e("US", 2) });
  const bytes = [0b1000_0001, 0b0000_1000]; // 6 bits a frame
  expect(rowsOf(moving, bytes, 1)).toBeUndefined();
  expect(rowsOf(moving, bytes, 2)?.slice(0, 2)).toEqual(["1000", "0000"]);
  expect(rowsOf(moving, bytes, 3)?.slice(0, 2)).toEqual(["0100", "0010"]);
  expect(rowsOf(moving, bytes, 4)).toBeUndefined();
  expect(rowsOf(image(BITS), [1], 7)?.[0]).toBe("1000"); // a single one lies over all
});

test("a region is its outline", () => {
  const whole = image({ ...BITS, "0010": e("US", 4), "0011": e("US", 4), "0040": e("CS", "R") });
  expect(rowsOf(whole, [0xff, 0xff])).toEqual(["1111", "1001", "1001", "1111"]);
});

test("bits of the pixels beside the stored ones are planes too", () => {
  const spare = image({ "0102": e("US", 13), "0100": e("US", 16) });
  expect(hasOverlayInPixels(spare)).toBe(true);
  expect(hasOverlayInPixels(image(BITS))).toBe(false);
  const words = Uint8Array.from({ length: 32 }, (_, at) => (at === 3 || at === 31 ? 0x20 : 0xdf));
  expect(rowsOf(spare, [...words])).toEqual(["0100", "0000", "0000", "0001"]);
  expect(overlayPlanesOf(image({ "0102": e("US", 0) }))).toEqual([]);
});

test("made smaller, thin lines stay", () => {
  const cells = new Uint8Array(25);
  cells[12] = 1;
  expect([...coarser({ columns: 5, rows: 5, cells }, 2).cells]).toEqual([0, 0, 0, 0, 1, 0, 0, 0, 0]);
});

test("a state names the planes that it switches on", () => {
  expect([...activatedBy({ "60001001": e("CS", "A"), "60043000": e("OW") })]).toEqual([["6000", "A"]]);
});
