import { expect, test } from "vitest";

import type { Frame } from "@/dicomweb/frames";
import { minus } from "@/dicomweb/geometry";
import { Tag } from "@/dicomweb/json";
import { isSameMeasured, type Measured } from "@/dicomweb/measured";
import { CurvedPath } from "@/model/curvedPath";
import { LaidCurves } from "@/model/laidCurves";

const FRAME: Frame = {
  studyInstanceUid: "1",
  seriesInstanceUid: "1.2.3",
  sopInstanceUid: "1.2.3.4",
  frameNumber: 1,
  instanceNumber: 1,
  numberOfFrames: 1,
  dataset: {},
};

function saved(path: CurvedPath): Measured | undefined {
  const place = { [Tag.ImageOrientationPatient]: { vr: "DS", Value: [1, 0, 0, 0, 1, 0] }, [Tag.PixelSpacing]: { vr: "DS", Value: [1, 1] }, "00200052": { vr: "UI", Value: ["2.25.7"] } };
  const frame = (z: number): Frame => ({
    ...FRAME,
    sopInstanceUid: `1.2.3.${z}`,
    dataset: { ...place, [Tag.ImagePositionPatient]: { vr: "DS", Value: [0, 0, z] } },
  });
  const frames = [frame(0), frame(5), frame(10)];
  return new LaidCurves().measured(path, frames);
}

test("a curve that is saved is the same again in another session, by its points, and is not changed by a tap", () => {
  const path = new CurvedPath("1.2.3");
  for (const point of [[0, 0, 6], [10, 0, 4], [20, 5, 0]] as const) path.add(point);
  path.name.value = " Aorta ";
  const one = saved(path);
  expect(one).toMatchObject({ kind: "curve", sopInstanceUid: "1.2.3.5", label: "Aorta", uid: path.uid, space: { frameOfReferenceUid: "2.25.7" } });
  const line = one?.line ?? [];
  const steps = line.slice(1).map((here, index) => Math.hypot(...minus(here, line[index] ?? here)));
  expect(steps.reduce((sum, step) => sum + step, 0)).toBeCloseTo(path.path.value?.length ?? 0, 2);
  const session = new LaidCurves();
  if (one) session.place([one, one]);
  const [again, ...more] = session.laid.value;
  expect(more).toEqual([]);
  expect(again?.editing.value).toBe(false);
  expect(session.through("1.2.3")).toBe(again);
  expect(again && isSameMeasured(session.measured(again, []) as Measured, one)).toBe(true);
  again?.drag(0, [0, 1, 6]);
  expect(again && isSameMeasured(session.measured(again, []) as Measured, one)).toBe(false);
  again?.clear();
  expect(session.laid.value).toEqual([]);
});

test("a series has more than one curve; one that is begun leaves the others as they are", () => {
  const session = new LaidCurves();
  const first = session.through("1.2.3");
  first.add([0, 0, 0]);
  first.add([10, 0, 0]);
  session.begin("1.2.3");
  const second = session.through("1.2.3");
  expect(second).not.toBe(first);
  expect(second.uid).not.toBe(first.uid);
  second.add([0, 0, 0]);
  expect(session.laid.value).toEqual([first]);
  second.add([0, 0, 9]);
  session.take(first);
  expect(session.through("1.2.3")).toBe(first);
  expect(session.laid.value).toEqual([first, second]);
});

test("no other program could find a curve through images without a frame of reference", () => {
  const path = new CurvedPath("1.2.3");
  path.add([0, 0, 0]);
  path.add([10, 0, 0]);
  expect(new LaidCurves().measured(path, [{ ...FRAME, dataset: {} }])).toBeUndefined();
});
