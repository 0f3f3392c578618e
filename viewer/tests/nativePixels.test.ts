import { expect, test } from "vitest";

import type { Dataset } from "@/dicomweb/json";
import { nativePixels } from "@/dicomweb/nativePixels";

const ds = (values: Record<string, unknown>): Dataset =>
  Object.fromEntries(
    Object.entries(values).map(([tag, value]) => [tag, { vr: "US", Value: Array.isArray(value) ? value : [value] }]),
  );

const image = (bits: number, stored: number, signed: number, more: Record<string, unknown> = {}): Dataset =>
  ds({
    "00280010": 1,
    "00280011": 2,
    "00280002": 1,
    "00280004": "MONOCHROME2",
    "00280100": bits,
    "00280101": stored,
    "00280103": signed,
    ...more,
  });

test("bits above the stored ones are cut, or carry the sign", () => {
  const bytes = new Uint16Array([0xf800, 0x0123]).buffer;
  expect([...nativePixels(image(16, 12, 1), bytes, false).values]).toEqual([-2048, 0x123]);
  expect([...nativePixels(image(16, 12, 0), bytes, false).values]).toEqual([0x800, 0x123]);
});

test("fractions are kept between whole extremes", () => {
  const bytes = new Uint16Array([0, 1]).buffer;
  const halves = nativePixels(image(16, 16, 0, { "00281053": 0.5, "00281052": -1 }), bytes, false);
  expect([...halves.values]).toEqual([-1, -0.5]);
  expect(halves.values).toBeInstanceOf(Float32Array);
});

test("a dose has its scaling, 32 bits their values, single bits their places", () => {
  const dose = nativePixels(image(32, 32, 0, { "3004000E": 1e-6 }), new Uint32Array([3_000_000_000, 1_000_000]).buffer, false);
  expect([...dose.values]).toEqual([3000, 1]);
  const mask = nativePixels(image(1, 1, 0), new Uint8Array([0b10]).buffer, false);
  expect([...mask.values, mask.max]).toEqual([0, 1, 1]);
});

test("a modality table gives the values, those outside take its ends", () => {
  const table = ds({ "00283002": [2, 10, 16], "00283006": [100, 200] });
  const { values } = nativePixels(
    { ...image(16, 16, 0), "00283000": { vr: "SQ", Value: [table] } },
    new Uint16Array([3, 11]).buffer,
    false,
  );
  expect([...values]).toEqual([100, 200]);
});

test("colours of 16 bits show their high bits, plane by plane where they lie so", () => {
  const colour = { ...image(16, 16, 0), ...ds({ "00280002": 3, "00280004": "RGB", "00280006": 1 }) };
  const bytes = new Uint16Array([0x1100, 0x2200, 0x3300, 0x4400, 0x5500, 0x6600]).buffer;
  expect([...nativePixels(colour, bytes, true).values]).toEqual([0x11, 0x33, 0x55, 0x22, 0x44, 0x66]);
  expect([...nativePixels(colour, bytes, false).values]).toEqual([0x11, 0x22, 0x33, 0x44, 0x55, 0x66]);
});

test("too few bytes are refused", () => {
  expect(() => nativePixels(image(16, 16, 0), new ArrayBuffer(2), false)).toThrow(RangeError);
});
