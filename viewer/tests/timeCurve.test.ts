import { expect, test } from "vitest";

import type { Frame } from "@/dicomweb/frames";
import { inTime } from "@/dicomweb/inTime";
import { csvOf, plotted, type Curve } from "@/model/timeCurve";

function frame(number: number, values: Record<string, unknown>, sop = "1"): Frame {
  const dataset = Object.fromEntries(
    Object.entries(values).map(([tag, value]) => [tag, { vr: "DS", Value: Array.isArray(value) ? value : [value] }]),
  );
  return { studyInstanceUid: "1", seriesInstanceUid: "2", sopInstanceUid: sop, frameNumber: number, instanceNumber: number, dataset } as unknown as Frame;
}

test("frames of a cine follow one another by their frame time, or by each one's own", () => {
  const cine = [3, 1, 2].map((number) => frame(number, { "00181063": 40 }));
  expect(inTime(cine, cine[0] as Frame)?.map(({ frame: one, time }) => [one.frameNumber, time])).toEqual([[1, 0], [2, 40], [3, 80]]);
  const uneven = [1, 2, 3].map((number) => frame(number, { "00181065": [0, 30, 50] }));
  expect(inTime(uneven, uneven[0] as Frame)?.map(({ time }) => time)).toEqual([0, 30, 80]);
  const untold = [1, 2].map((number) => frame(number, {}));
  expect(inTime(untold, untold[0] as Frame)?.map(({ time }) => time)).toEqual([undefined, undefined]);
});

/** An image at height `z` and moment `time`. */
function place(z: number, time: number): Frame {
  const plane = { "00200032": [0, 0, z], "00200037": [1, 0, 0, 0, 1, 0], "00280010": 4, "00280011": 4, "00280030": [1, 1] };
  return frame(z * 10 + time, { ...plane, "00200100": time, "00181060": time * 500 }, `${z}.${time}`);
}

test("of a series in time the images of the shown one's place make the curve, of one in space none", () => {
  const series = [0, 5, 10].flatMap((z) => [2, 1, 3].map((time) => place(z, time)));
  const shown = series.find(({ sopInstanceUid }) => sopInstanceUid === "5.3") as Frame;
  expect(inTime(series, shown)?.map(({ frame: one, time }) => [one.sopInstanceUid, time])).toEqual([["5.1", 0], ["5.2", 500], ["5.3", 1000]]);
  const still = [0, 5, 10].map((z) => place(z, 1));
  expect(inTime(still, still[0] as Frame)).toBeUndefined();
});

const CURVE: Curve = {
  unit: 'a "unit"',
  points: [
    { number: 1, time: 0, mean: 10, stdDev: 1, min: 8, max: 12, count: 9 },
    { number: 2, time: 100, mean: 30.5, stdDev: 2, min: 20, max: 40, count: 9 },
    { number: 3, time: 400, mean: 20, stdDev: 0, min: 20, max: 20, count: 9 },
  ],
};

test("a curve is taken away as a table that every program reads", () => {
  expect(csvOf(CURVE).split("\r\n")).toEqual([
    "image,time_ms,mean,standard_deviation,minimum,maximum,samples,unit",
    '1,0,10,1,8,12,9,"a ""unit"""',
    '2,100,30.5,2,20,40,9,"a ""unit"""',
    '3,400,20,0,20,20,9,"a ""unit"""',
    "",
  ]);
});

test("points stand where their times and values are, or in their order where no times are told", () => {
  const { line, low, high, ends, timed } = plotted(CURVE, 200, 100);
  expect([line, low, high, ends, timed]).toEqual(["0.0,100.0 50.0,0.0 200.0,51.2", 10, 30.5, [0, 400], true]);
  const untold = { ...CURVE, points: CURVE.points.map((point) => Object.assign({}, point, { time: undefined })) };
  expect(plotted(untold, 200, 100).line).toBe("0.0,100.0 100.0,0.0 200.0,51.2");
});
