import { describe, expect, it } from "vitest";

import { sizeText } from "@/viewport/sizes";

describe("sizes", () => {
  it("are millimetres", () => {
    expect(sizeText([101.14], "mm")).toBe("101.1 mm");
    expect(sizeText([41.2], "mm ERMF")).toBe("41.2 mm");
    expect(sizeText([28, 14], "mm")).toBe("28 × 14 mm");
    expect(sizeText([320], "mm\u00B2", 2)).toBe("320 mm\u00B2");
  });

  it("are pixels only where they are counted in pixels", () => {
    expect(sizeText([43], "px")).toBe("43 px");
    expect(sizeText([43], "")).toBe("43 px");
    expect(sizeText([9], "px\u00B2", 2)).toBe("9 px\u00B2");
  });

  it("are not written in a unit that is none of sizes", () => {
    for (const name of ["seconds ECG Region", "hertz US Region", "cm US Region", "unknown US Region"]) {
      expect(sizeText([1], name)).toBeUndefined();
    }
  });
});
