import { expect, test } from "vitest";

import { patches, testPattern } from "@/model/testPattern";

test("eighteen patches go from dark to bright, each with one insert that is a little darker and one a little brighter", () => {
  const all = patches(1200, 800);
  expect(all.map(({ grey }) => grey)).toEqual(all.map(({ grey }) => grey).toSorted((a, b) => a - b));
  expect([all.length, all[0]?.grey, all.at(-1)?.grey]).toEqual([18, 4, 251]);
  const greys = testPattern(1200, 800);
  for (const { x, y, size, grey, inserts } of all) {
    const inset = Math.floor(size / 5);
    expect(greys[(y + 1) * 1200 + x + 1]).toBe(grey);
    expect(greys[(y + inset + 1) * 1200 + x + inset + 1]).toBe(inserts[0]);
    expect(greys[(y + size - 2 * inset + 1) * 1200 + x + size - 2 * inset + 1]).toBe(inserts[1]);
    expect(inserts).toEqual([grey - 4, grey + 4]);
  }
  expect([all[0]?.inserts[0], all.at(-1)?.inserts[1]]).toEqual([0, 255]);
});

test("the pattern has every grey, and lines of single pixels", () => {
  const greys = testPattern(1200, 800);
  expect(new Set(greys).size).toBe(256);
  expect(greys[0]).toBe(255);
});
