import { expect, test } from "vitest";

import type { Frame } from "@/dicomweb/frames";
import { marksOf, runsOf } from "@/dicomweb/graphics";
import type { Dataset } from "@/dicomweb/json";
import { strokesOf, type Ground } from "@/model/drawn";

const e = (vr: string, ...Value: unknown[]): { vr: string; Value: unknown[] } => ({ vr, Value });
const frame: Frame = { studyInstanceUid: "1", seriesInstanceUid: "1.2", sopInstanceUid: "7", frameNumber: 1, dataset: {}, instanceNumber: 1, numberOfFrames: 1 };
const ground: Ground = { place: ([x, y]) => [10 * x, 10 * y], area: 100 };

function compound(type: string, points: number[], more: Dataset = {}): Dataset {
  return { "00700226": e("UL", 3), "00700294": e("CS", type), "00700282": e("CS", "PIXEL"), "00700022": e("FL", ...points), ...more };
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100 + 0;
}

function drawn(graphic: Dataset): ReturnType<typeof strokesOf> {
  const [mark] = marksOf({ "00700001": e("SQ", { "00700209": e("SQ", graphic) }) }, frame);
  if (!mark) throw new Error("nothing is drawn");
  const { lines, ...rest } = strokesOf(mark, ground);
  return { ...rest, lines: lines.map((line) => line.map(([x, y]) => [rounded(x), rounded(y)] as const)) };
}

function standing(id: number): Dataset {
  return { "00700226": e("UL", id), "00700023": e("CS", "POLYLINE"), "00700022": e("FL", 1, 2, 3, 4) };
}

function state(type: string): Dataset {
  return { "00700001": e("SQ", { "00700209": e("SQ", compound(type, [1, 1, 2, 2])), "00700009": e("SQ", standing(3), standing(4)) }) };
}

test("a compound graphic is drawn in the place of the figures that stand for it", () => {
  expect(marksOf(state("ARROW"), frame).map(({ type }) => type)).toEqual(["POLYLINE", "ARROW"]);
  expect(marksOf(state("SPIRAL"), frame).map(({ type }) => type)).toEqual(["POLYLINE", "POLYLINE"]);
});

test("layers lie in their order, styles count before layers", () => {
  const layer = (name: string, order: number, grey: number): Dataset => ({ "00700002": e("CS", name), "00700062": e("IS", order), "00700066": e("US", grey) });
  const styled = { "00700251": e("US", 65535, 32896, 32896), "00700253": e("FL", 2), "00700254": e("CS", "DASHED"), "00700255": e("UL", 0xff00ff00) };
  const [below, above] = marksOf(
    {
      "00700060": e("SQ", layer("TOP", 2, 65535), layer("LOW", 1, 0)),
      "00700001": e("SQ",
        { "00700002": e("CS", "TOP"), "00700209": e("SQ", compound("RULER", [0, 0, 1, 0], { "00700232": e("SQ", styled) })) },
        { "00700002": e("CS", "LOW"), "00700209": e("SQ", compound("ARROW", [0, 0, 1, 0])) },
      ), // prettier-ignore
    },
    frame,
  );
  expect(below).toMatchObject({ type: "ARROW", style: { colour: "rgb(0 0 0)", thickness: undefined, dashes: [] } });
  expect(above).toMatchObject({ type: "RULER", style: { colour: "rgb(255 255 255)", thickness: 2, dashes: [2, 2, 2, 2] } });
  expect(runsOf(0xffffffff)).toEqual([]);
});

test("rectangles turn about their point, counterclockwise", () => {
  const turned = { "00700230": e("FD", 90), "00700273": e("FL", 0, 0) };
  expect(drawn(compound("RECTANGLE", [1, 2, 3, 5])).lines).toEqual([[[10, 20], [30, 20], [30, 50], [10, 50], [10, 20]]]); // prettier-ignore
  expect(drawn(compound("RECTANGLE", [1, 2, 3, 5], turned)).lines).toEqual([[[20, -10], [20, -30], [50, -30], [50, -10], [20, -10]]]); // prettier-ignore
  expect(drawn(compound("ELLIPSE", [0, 0, 4, 2])).lines[0]?.[0]).toEqual([40, 10]);
});

test("lines have their gaps, bars, ticks and heads", () => {
  const gap = { "00700261": e("FL", 0.4), "00700273": e("FL", 5, 0) };
  expect(drawn(compound("MULTILINE", [0, 0, 1, 0, 2, 0, 3, 0])).lines).toEqual([[[0, 0], [10, 0]], [[20, 0], [30, 0]]]); // prettier-ignore
  expect(drawn(compound("CUTLINE", [0, 0, 10, 0], gap)).lines).toEqual([[[0, 0], [30, 0]], [[70, 0], [100, 0]]]); // prettier-ignore
  const [left, right] = drawn(compound("INFINITELINE", [0, 0, 10, 0], gap)).lines;
  expect([left?.[0]?.[0], left?.[1], right?.[0]]).toEqual([-10000, [30, 0], [70, 0]]);
  expect(drawn(compound("RANGELINE", [0, 0, 10, 0])).lines).toEqual([[[0, 0], [100, 0]], [[0, -6], [0, 6]], [[100, -6], [100, 6]]]); // prettier-ignore
  expect(drawn(compound("ARROW", [0, 0, 10, 0])).lines).toEqual([[[0, 0], [100, 0]], [[12, 4], [0, 0], [12, -4]]]); // prettier-ignore
  const ticks = { "00700287": e("SQ", { "00700288": e("FL", 0.5), "00700289": e("SH", "5 cm") }), "00700274": e("CS", "TOP"), "00700279": e("CS", "BOTTOM") };
  expect(drawn(compound("AXIS", [0, 0, 10, 0], ticks))).toMatchObject({ lines: [[[0, 0], [100, 0]], [[50, -6], [50, 0]]], letters: [{ at: [50, 18], text: "5 cm" }] }); // prettier-ignore
  expect(drawn(compound("RULER", [0, 0, 10, 0])).lines).toHaveLength(12);
  const seen = { "00700261": e("FL", 0.2), "00700262": e("FL", 0.6) };
  expect(drawn(compound("CROSSHAIR", [5, 5], seen)).lines).toEqual([[[20, 50], [40, 50]], [[60, 50], [80, 50]], [[50, 20], [50, 40]], [[50, 60], [50, 80]]]); // prettier-ignore
});
