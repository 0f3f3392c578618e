import { describe, expect, it } from "vitest";
import type { Dataset } from "@/dicomweb/json";
import { withPlainPalette } from "@/viewport/palette";

function words(values: readonly number[]): string {
  return Buffer.from(new Uint8Array(values.flatMap((value) => [value & 0xff, value >> 8]))).toString("base64");
}

function bytes(values: readonly number[]): string {
  return Buffer.from(values).toString("base64");
}

function palette(descriptor: readonly number[], tables: readonly (string | undefined)[], more: Dataset = {}): Dataset {
  const dataset: Record<string, Dataset[string]> = { "00280004": { vr: "CS", Value: ["PALETTE COLOR"] } };
  for (const [index, table] of tables.entries()) {
    dataset[`0028110${index + 1}`] = { vr: "US", Value: descriptor };
    if (table !== undefined) dataset[`0028120${index + 1}`] = { vr: "OW", InlineBinary: table };
  }
  return { ...dataset, ...more };
}

const values = (dataset: Dataset | undefined, tag: string): readonly unknown[] | undefined => dataset?.[tag]?.Value;
const data = (dataset: Dataset | undefined): unknown => ["00281201", "00281202", "00281203"].map((tag) => values(dataset, tag));

describe("a palette", () => {
  it("of 16 bits gives its upper bytes, also where red alone would look shallow", () => {
    const plain = withPlainPalette(palette([2, 5, 16], [words([0, 200]), words([0, 0xff00]), words([0x8000, 0xffff])]));
    expect(data(plain)).toEqual([[0, 0], [0, 255], [128, 255]]);
    expect(values(plain, "00281101")).toEqual([2, 5, 8]);
  });

  it("of 16 bits that holds 8-bit values is taken as it is", () => {
    const table = words([0, 17, 255]);
    expect(data(withPlainPalette(palette([3, 0, 16], [table, table, table])))).toEqual([[0, 17, 255], [0, 17, 255], [0, 17, 255]]);
  });

  it("of 8 bits may be packed, two entries to a word, with an odd one out", () => {
    const table = bytes([1, 2, 3, 0]);
    expect(data(withPlainPalette(palette([3, 0, 8], [table, table, table])))).toEqual([[1, 2, 3], [1, 2, 3], [1, 2, 3]]);
  });

  it("of 8 bits may have a word for each entry", () => {
    const table = words([1, 2, 3]);
    expect(data(withPlainPalette(palette([3, 0, 8], [table, table, table])))).toEqual([[1, 2, 3], [1, 2, 3], [1, 2, 3]]);
  });

  it("reads a first value that was written as a signed number", () => {
    const table = words([1]);
    expect(values(withPlainPalette(palette([1, -1, 16], [table, table, table])), "00281101")).toEqual([1, 65535, 8]);
  });
});

describe("the node's picture is shown", () => {
  const table = words([1, 2]);
  it.each([
    ["when a table is not in the metadata", palette([2, 0, 16], [table, table, undefined])],
    ["when a table is too short", palette([2, 0, 16], [table, table, words([1])])],
    ["when 65536 entries are announced and fewer are there", palette([0, 0, 16], [table, table, table])],
    ["when the indices are signed", palette([2, 0, 16], [table, table, table], { "00280103": { vr: "US", Value: [1] } })],
    ["when the indices are rescaled", palette([2, 0, 16], [table, table, table], { "00281053": { vr: "DS", Value: [2] } })],
    ["when there is no depth", palette([2, 0], [table, table, table])],
  ])("%s", (_why, dataset) => expect(withPlainPalette(dataset)).toBeUndefined());
});
