import { describe, expect, it } from "vitest";

import { sizeText } from "@/viewport/sizes";

describe("sizes", () => {
  it("are millimetres, also where an ultrasound region has centimetres", () => {
    expect(sizeText([101.14], "mm")).toBe("101.1 mm");
    expect(sizeText([41.2], "mm ERMF")).toBe("41.2 mm");
    expect(sizeText([2.8], "cm US Region")).toBe("28 mm");
    expect(sizeText([2.8, 1.4], "cm US Region")).toBe("28 × 14 mm");
    expect(sizeText([3.2], "cm\u00B2 US Region", 2)).toBe("320 mm\u00B2");
  });

  it("are pixels only where they are counted in pixels", () => {
    expect(sizeText([43], "px")).toBe("43 px");
    expect(sizeText([43], "")).toBe("43 px");
    expect(sizeText([9], "px\u00B2", 2)).toBe("9 px\u00B2");
  });

  it("are not written where a region has no lengths", () => {
    for (const name of ["seconds ECG Region", "hertz US Region", "percent US Region", "unknown US Region"]) {
      expect(sizeText([1], name)).toBeUndefined();
    }
  });
});
