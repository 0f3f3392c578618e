import { describe, expect, it } from "vitest";

import { fromLab, recommendedColour } from "@/dicomweb/colour";
import { seriesContent } from "@/dicomweb/frames";
import { cross, type Vector } from "@/dicomweb/geometry";
import type { Dataset, Element } from "@/dicomweb/json";
import { segmentationOf, type Segmentation } from "@/dicomweb/segmentation";
import { structureSetOf } from "@/dicomweb/structureSet";
import { middleOf, slicesFor, weightsOf } from "@/model/masks";
import { shapesOf } from "@/model/outlines";
import { onScreen, plus, scaled, screenOf, type Screen } from "@/model/screen";

const element = (vr: string, ...Value: unknown[]): Element => ({ vr, Value });
const sequence = (...items: Dataset[]): Element => element("SQ", ...items);

const [ROWS, COLUMNS] = [3, 4];
// four columns 2 mm apart along A-P, three rows 3 mm apart along R-L: a grid that is turned in the patient
const ROW: Vector = [0, 1, 0];
const COLUMN: Vector = [-1, 0, 0];
const NORMAL = cross(ROW, COLUMN);

function segmentation(type: string, bits: number, frames: readonly { at?: Vector; segment?: number; source?: string }[]): Segmentation {
  const dataset: Dataset = {
    "00080018": element("UI", "1.2.3"),
    "00080060": element("CS", "SEG"),
    "00200052": element("UI", "9"),
    "00280010": element("US", ROWS),
    "00280011": element("US", COLUMNS),
    "00280100": element("US", bits),
    "00280008": element("IS", frames.length),
    "00620001": element("CS", type),
    "0062000E": element("US", 200),
    "00620002": sequence({ "00620004": element("US", 1), "00620005": element("LO", "one") }, { "00620004": element("US", 2) }),
    "52009229": sequence({
      "00289110": sequence({ "00280030": element("DS", 3, 2), "00180050": element("DS", 5) }),
      "00209116": sequence({ "00200037": element("DS", ...ROW, ...COLUMN) }),
    }),
    "52009230": sequence(
      ...frames.map(({ at, segment, source }) => ({
        ...(at && { "00209113": sequence({ "00200032": element("DS", ...at) }) }),
        "0062000A": sequence({ "0062000B": element("US", segment ?? 1) }),
        ...(source && { "00089124": sequence({ "00082112": sequence({ "00081155": element("UI", source) }) }) }),
      })),
    ),
    "7FE00010": { vr: "OB", BulkDataURI: "x" },
  };
  const read = segmentationOf(seriesContent("1", "2", [dataset]).frames);
  if (!read) throw new Error("no segmentation");
  return read;
}

const ORIGIN: Vector = [10, 20, 30];
const at = (slice: number): Vector => plus(ORIGIN, scaled(NORMAL, 5 * slice));
const bits = (...set: number[]): Uint8Array => Uint8Array.from([0, 8].map((from) => set.reduce((sum, one) => sum | (one >= from && one < from + 8 ? 1 << (one - from) : 0), 0)));
/** A millimetre a pixel; the middle of the first pixel is half a pixel from the corner. */
const facing = (origin: Vector, right: Vector, down: Vector, width: number, height: number): Screen => ({
  origin: plus(origin, scaled(right, -0.5), scaled(down, -0.5)),
  right,
  down,
  width,
  height,
});
const ones = (weights: Uint8Array | undefined, width: number): string[] =>
  [...(weights ?? [])].flatMap((weight, index) => (weight > 0 ? [`${index % width},${Math.trunc(index / width)}`] : []));

describe("a segment on a screen", () => {
  const binary = segmentation("BINARY", 1, [{ at: at(0) }, { at: at(1), segment: 2 }, { at: at(1) }]);
  // pixel (column 1, row 2), and in the slice above it (column 3, row 0)
  const cells = new Map([[1, bits(2 * COLUMNS + 1)], [2, bits(0)], [3, bits(3)]]);
  const slices = slicesFor(binary, 1, (frame) => cells.get(frame));

  const shown = (away: number): string[] => ones(weightsOf(binary, 1, slices, facing(plus(ORIGIN, scaled(NORMAL, away)), ROW, COLUMN, 8, 9)), 8);

  it("lies where the pixel lies in the patient", () => {
    const screen = facing(ORIGIN, ROW, COLUMN, 8, 9);
    // the pixel is 2 by 3 mm large around (2 mm, 6 mm)
    const seen = ones(weightsOf(binary, 1, slices, screen), 8);
    expect(seen).toEqual(["1,5", "2,5", "1,6", "2,6", "1,7", "2,7"]);
  });

  it("follows a screen that is turned over", () => {
    const screen = facing(plus(ORIGIN, scaled(ROW, 7)), scaled(ROW, -1), COLUMN, 8, 9);
    expect(ones(weightsOf(binary, 1, slices, screen), 8)).toContain("5,6");
  });

  it("is seen half a slice to both sides, and no farther", () => {
    expect(shown(2.4)).toContain("2,6");
    expect(shown(2.6)).toContain("6,0"); // that of the slice above
    expect(shown(-2.4)).toContain("2,6");
    expect(shown(-2.6)).toEqual([]);
    expect(shown(7.6)).toEqual([]);
  });

  it("is cut by planes across its slices", () => {
    const across = facing(plus(ORIGIN, scaled(COLUMN, 6)), ROW, NORMAL, 8, 9); // through row 2
    const through = ones(weightsOf(binary, 1, slices, across), 8);
    expect(through).toContain("2,0");
    expect(through).toContain("2,2");
    expect(through).not.toContain("2,3"); // the next slice begins at 2.5 mm
    expect(through.every((one) => !one.startsWith("6,"))).toBe(true);
  });

  it("has weights between where the object has, and labels by value", () => {
    const fractional = segmentation("FRACTIONAL", 8, [{ at: at(0) }]);
    const half = new Uint8Array(12);
    half[5] = 100;
    const screen = facing(ORIGIN, ROW, COLUMN, 8, 9);
    const seen = weightsOf(fractional, 1, slicesFor(fractional, 1, () => half), screen);
    expect(Math.max(...(seen ?? []))).toBe(128);
    const labels = segmentation("LABELMAP", 8, [{ at: at(0) }]);
    const two = Uint8Array.from({ length: 12 }, (_, index) => (index === 5 ? 2 : index === 0 ? 1 : 0));
    expect(ones(weightsOf(labels, 2, slicesFor(labels, 2, () => two), screen), 8)).toContain("2,3");
    expect(ones(weightsOf(labels, 1, slicesFor(labels, 1, () => two), screen), 8)).not.toContain("2,3");
  });

  it("without a place lies on the image that it names", () => {
    const flat = segmentation("BINARY", 1, [{ source: "5.6" }]);
    const [image] = seriesContent("1", "3", [{ "00080018": element("UI", "5.6"), "7FE00010": { vr: "OW" }, "00280010": element("US", 6) }]).frames;
    if (!image) throw new Error("no image");
    const grid = { origin: [0, 0, 0], row: [1, 0, 0], column: [0, 1, 0], normal: [0, 0, 1], columnSpacing: 1, rowSpacing: 1 } as const;
    const place = { frame: image, grid, placed: false, columns: 8, rows: 6 };
    const seen = slicesFor(flat, 1, () => bits(5), place);
    expect(seen.map(({ grid: own }) => [own.columnSpacing, own.rowSpacing])).toEqual([[2, 2]]);
    expect(slicesFor(flat, 1, () => bits(5), { ...place, frame: { ...image, sopInstanceUid: "5.7" } })).toEqual([]);
  });

  it("is gone to in its middle", () => {
    expect(middleOf(binary, 1)).toEqual([7, 23, 35]);
  });
});

describe("a screen", () => {
  it("is found from three points on the canvas, however it is turned", () => {
    const canvas = [[120, 40], [70, 90], [20, -60]] as const; // turned, enlarged, and seen from behind
    const screen = screenOf([1, 2, 3], ROW, COLUMN, 100, canvas, [300, 200]);
    if (!screen) throw new Error("no screen");
    const world = (x: number, y: number): Vector => plus(screen.origin, scaled(screen.right, x), scaled(screen.down, y));
    for (const [index, point] of [[1, 2, 3], plus([1, 2, 3], scaled(ROW, 100)), plus([1, 2, 3], scaled(COLUMN, 100))].entries()) {
      const [x, y] = canvas[index] ?? [0, 0];
      for (const [axis, value] of world(x, y).entries()) expect(value).toBeCloseTo(point[axis] ?? 0, 9);
    }
    expect(screenOf([1, 2, 3], ROW, COLUMN, 100, [[0, 0], [1, 1], [2, 2]], [3, 3])).toBeUndefined();
  });
});

describe("outlines", () => {
  const circle = (radius: number, z: number): Dataset => ({
    "30060042": element("CS", "CLOSED_PLANAR"),
    "30060050": element("DS", ...Array.from({ length: 180 }, (_, index) => [radius * Math.cos(index / 28.6479), radius * Math.sin(index / 28.6479), z]).flat()),
  });
  const read = structureSetOf({
    "00080018": element("UI", "1.2.3"),
    "30060010": sequence({ "00200052": element("UI", "9") }),
    "30060020": sequence({ "30060022": element("IS", 4), "30060026": element("LO", "PTV") }),
    "30060039": sequence({
      "30060084": element("IS", 4),
      "3006002A": element("IS", 255, 40, 40),
      "30060040": sequence(circle(20, 0), circle(8, 0), circle(20, 4), { "30060042": element("CS", "CLOSED_PLANAR"), "30060050": { vr: "DS", BulkDataURI: "x" } }),
    }),
  });
  const [ptv] = read?.parts ?? [];
  if (!read || !ptv) throw new Error("no structure");

  it("are read with their names and colours; those that are left out are counted", () => {
    expect([ptv.label, ptv.colour, ptv.gap, read.left, read.frameOfReferenceUid]).toEqual(["PTV", [255, 40, 40], 4, 1, "9"]);
  });

  it("are seen on the nearest planes alone", () => {
    const shapes = (z: number): number => shapesOf(ptv, facing([-50, -50, z], [1, 0, 0], [0, 1, 0], 100, 100), 1).length;
    expect([shapes(0), shapes(1.9), shapes(2.5), shapes(4), shapes(6.5)]).toEqual([2, 2, 1, 1, 0]);
    const [outer] = shapesOf(ptv, facing([-50, -50, 0], [1, 0, 0], [0, 1, 0], 100, 100), 1);
    const [x = 0, y = 0] = outer?.points[0] ?? [];
    expect([x, y].map((value) => Math.round(value * 1e6) / 1e6)).toEqual([70.5, 50.5]);
  });

  it("are cut across as chords, with their holes", () => {
    const screen = facing([-50, 6, -50], [1, 0, 0], [0, 0, 1], 100, 100); // y = 6
    const cuts = shapesOf(ptv, screen, 1);
    const ends = cuts.map(({ points }) => points.map(([x]) => x - 50.5)).map((xs) => [Math.min(...xs), Math.max(...xs)]);
    // two outlines of one plane are two strips, of which even and odd make one with a hole
    const wanted = [20, 8, 20].map((radius) => Math.sqrt(radius ** 2 - 36));
    for (const [index, [left = 0, right = 0]] of ends.entries()) {
      expect(left).toBeCloseTo(-(wanted[index] ?? 0), 1);
      expect(right).toBeCloseTo(wanted[index] ?? 0, 1);
    }
    const heights = cuts.map(({ points }) => Math.max(...points.map(([, y]) => y)) - Math.min(...points.map(([, y]) => y)));
    for (const height of heights) expect(height).toBeCloseTo(4, 6);
    expect(onScreen(screen, [0, 6, 4])[1]).toBeCloseTo(54.5, 6);
  });
});

describe("recommended colours", () => {
  it("are what was meant", () => {
    // the liver of the 3D Slicer colour table, which dcmqi wrote
    const [r, g, b] = recommendedColour({ "0062000D": element("US", 41661, 41167, 40792) }) ?? [0, 0, 0];
    expect(Math.abs(r - 221) + Math.abs(g - 130) + Math.abs(b - 101)).toBeLessThan(9);
    expect(fromLab(100, 0, 0)).toEqual([255, 255, 255]);
    expect(fromLab(0, 0, 0)).toEqual([0, 0, 0]);
    expect(recommendedColour({})).toBeUndefined();
  });
});
