import { expect, test } from "vitest";

import { doubtOf, refuseRounded } from "@/viewport/doubt";

const JPEG = "1.2.840.10008.1.2.4.50";
const segment = (marker: number, payload: readonly number[]): number[] => [0xff, marker, 0, payload.length + 2, ...payload];
const ascii = (text: string): number[] => [...text].map((letter) => letter.charCodeAt(0));
const frame = (first: number): number[] => segment(0xc0, [8, 0, 9, 0, 9, 3, first, 17, 0, 1, 17, 0, 2, 17, 0]);
const jpeg = (...segments: readonly number[][]): Uint8Array => Uint8Array.from([0xff, 0xd8, ...segments.flat(), 0, 0, 0, 0]);
const RGB = { photometricInterpretation: "RGB" };

test("a JPEG called RGB is decoded here only when it says itself what its colours are", () => {
  expect(doubtOf(RGB, JPEG, jpeg(frame(0)))).toBe("colours");
  expect(doubtOf(RGB, JPEG, jpeg(segment(0xee, ascii("Adobe\0\0\0\0\0")), frame(0)))).toBe("colours"); // too short to tell
  expect(doubtOf(RGB, JPEG, jpeg(segment(0xee, ascii("Adobe\0d\0\0\0\0\0")), frame(0)))).toBeUndefined();
  expect(doubtOf(RGB, JPEG, jpeg(segment(0xe0, ascii("JFIF\0")), frame(1)))).toBeUndefined();
  expect(doubtOf(RGB, JPEG, jpeg(frame(82)))).toBeUndefined();
  expect(doubtOf({ photometricInterpretation: "YBR_FULL_422" }, JPEG, jpeg(frame(0)))).toBeUndefined();
});

test("a JPEG-LS with a scan for each colour is not decoded here", () => {
  const header = segment(0xf7, [8, 1, 0, 1, 0, 3, 1, 17, 0, 2, 17, 0, 3, 17, 0]);
  const apart = segment(0xda, [1, 1, 0, 0, 0, 0]);
  const together = segment(0xda, [3, 1, 0, 2, 0, 3, 0, 0, 2, 0]);
  const grey = segment(0xf7, [8, 1, 0, 1, 0, 1, 1, 17, 0]);
  expect(doubtOf(RGB, "1.2.840.10008.1.2.4.80", jpeg(header, apart))).toBe("planes");
  expect(doubtOf(RGB, "1.2.840.10008.1.2.4.81", jpeg(header, together))).toBeUndefined();
  expect(doubtOf({}, "1.2.840.10008.1.2.4.80", jpeg(grey, apart))).toBeUndefined();
});

function codestream(depth: number): Uint8Array {
  const bytes = new Uint8Array(100);
  bytes.set([0xff, 0x4f, 0xff, 0x51]);
  bytes[42] = depth;
  return bytes;
}

test("the sign of a JPEG 2000 codestream has to be the header's", () => {
  expect(doubtOf({ pixelRepresentation: 1 }, "1.2.840.10008.1.2.4.90", codestream(15))).toBe("sign");
  expect(doubtOf({ pixelRepresentation: 1 }, "1.2.840.10008.1.2.4.90", codestream(0x8f))).toBeUndefined();
  expect(doubtOf({ pixelRepresentation: 0 }, "1.2.840.10008.1.2.4.91", codestream(15))).toBeUndefined();
});

test("values that were cut to whole numbers are refused", () => {
  const preScale = { scaled: true, scalingParameters: { rescaleSlope: 0.5, rescaleIntercept: 0 } };
  expect(() => refuseRounded({ pixelData: new Uint8Array(1), preScale })).toThrow("rounded");
  expect(() => refuseRounded({ pixelData: new Float32Array(1), preScale })).not.toThrow();
});
