/** Which images show the same place again and again, and when: what a curve over time is made of. */

import type { Frame } from "@/dicomweb/frames";
import { number, numbers, Tag } from "@/dicomweb/json";
import { phasesOf, timeOf } from "@/dicomweb/phases";

export interface Moment {
  readonly frame: Frame;
  /** From the first, ms; undefined where the objects do not tell. */
  readonly time: number | undefined;
}

const FRAME_TIME = "00181063";
const FRAME_TIME_VECTOR = "00181065"; // ms since the frame before (PS3.3 C.7.6.5.1.2)

/** The images of the shown one's place in the order of time; undefined where there are none but itself. */
export function inTime(frames: readonly Frame[], shown: Frame): readonly Moment[] | undefined {
  return throughPhases(frames, shown) ?? throughCine(frames, shown);
}

function throughPhases(frames: readonly Frame[], shown: Frame): readonly Moment[] | undefined {
  const phases = phasesOf(frames);
  if (!phases || phases.length < 2) return undefined;
  const place = phases.map((phase) => phase.frames.indexOf(shown)).find((index) => index >= 0);
  if (place === undefined) return undefined;
  const moments = phases.map((phase) => ({ frame: phase.frames[place], time: phase.time }));
  return moments.every((one): one is Moment => one.frame !== undefined) ? moments : undefined;
}

/** The frames of one object without places: XA, US. */
function throughCine(frames: readonly Frame[], shown: Frame): readonly Moment[] | undefined {
  const own = frames
    .filter(({ sopInstanceUid }) => sopInstanceUid === shown.sopInstanceUid)
    .toSorted((a, b) => a.frameNumber - b.frameNumber);
  const placed = own.some(({ dataset }) => numbers(dataset, Tag.ImagePositionPatient).length > 0);
  if (own.length < 2 || placed) return undefined;
  const steps = numbers(shown.dataset, FRAME_TIME_VECTOR);
  let passed = 0;
  return own.map((frame) => {
    passed += frame.frameNumber > 1 ? (steps[frame.frameNumber - 1] ?? 0) : 0;
    if (steps.length > 0) return { frame, time: passed };
    return { frame, time: number(frame.dataset, FRAME_TIME) === undefined ? undefined : timeOf(frame) };
  });
}
