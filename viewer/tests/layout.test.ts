import { describe, expect, it } from "vitest";

import { layout, layoutName, placesOf, sizeOf } from "@/model/layout";

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

describe("the places of viewports", () => {
  it("follow one another in rows", () => {
    expect(placesOf(layout(1, 2))).toEqual({ template: "repeat(1, minmax(0, 1fr)) / repeat(2, minmax(0, 1fr))", areas: ["1 / 1", "1 / 2"] });
  });

  it("give the lower row to a wide one behind three", () => {
    expect(placesOf(layout(2, 2), true).areas).toEqual(["1 / 1", "1 / 2", "1 / 3", "2 / 1 / -1 / -1"]);
    expect(placesOf(layout(2, 3), true).areas).toHaveLength(6);
  });
});
