import { expect, test } from "vitest";

import type { Dataset } from "@/dicomweb/json";
import { namedEnds, storableEnds, windowOf } from "@/tools/presets";

const e = (vr: string, ...Value: (string | number)[]) => ({ vr, Value });
const named = (center: number, width: number, form?: string): Dataset => ({
  "00281050": e("DS", center),
  "00281051": e("DS", width),
  ...(form && { "00281056": e("CS", form) }),
});

test("the window that an image names goes from value to value", () => {
  expect(namedEnds(named(40.5, 401))).toEqual({ lower: -160, upper: 240 });
  expect(namedEnds(named(40, 400, "LINEAR_EXACT"))).toEqual({ lower: -160, upper: 240 });
  expect(windowOf({ lower: -160, upper: 240 })).toEqual({ center: 40.5, width: 401 });
});

test("one that is no straight line, or none, has no ends", () => {
  expect([named(40, 400, "SIGMOID"), named(40, 0.5), {}].map(namedEnds)).toEqual([undefined, undefined, undefined]);
});

test("what an image can hold is what its bits and its rescaling say", () => {
  const bits = { "00280101": e("US", 12), "00280103": e("US", 1), "00281052": e("DS", 10), "00281053": e("DS", -2) };
  expect(storableEnds(bits)).toEqual({ lower: 10 - 2 * 2047, upper: 10 + 2 * 2048 });
  expect(storableEnds({ "00280101": e("US", 8), "00280103": e("US", 0) })).toEqual({ lower: 0, upper: 255 });
});
