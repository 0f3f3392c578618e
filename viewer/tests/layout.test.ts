import { describe, expect, it } from "vitest";

import { layout, layoutName, sizeOf } from "@/model/layout";

describe("a layout", () => {
  it("has from one to four rows and columns, whatever is asked", () => {
    expect(layout(2, 3)).toEqual({ rows: 2, columns: 3 });
    expect(layout(0, 9)).toEqual({ rows: 1, columns: 4 });
    expect(layout(Number.NaN, -2)).toEqual({ rows: 1, columns: 1 });
    expect(sizeOf(layout(4, 4))).toBe(16);
  });

  it("is written rows first", () => {
    expect(layoutName(layout(2, 3))).toBe("2×3");
  });
});
