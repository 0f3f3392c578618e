/** Series in time: the same places again and again, sorted into moments (cardiac, perfusion, fMRI, cine). */

import type { Frame } from "@/dicomweb/frames";
import { placed, type NoVolume, type Placed } from "@/dicomweb/geometry";
import { number, text } from "@/dicomweb/json";

export interface Phase {
  /** Images of one moment, in reading order. */
  readonly frames: readonly Frame[];
  /** From the first phase, in ms; undefined when the objects do not tell. */
  readonly time: number | undefined;
}

const TEMPORAL_POSITION_INDEX = "00209128";
const TEMPORAL_POSITION_IDENTIFIER = "00200100";
const TRIGGER_TIME = "00181060";
const NOMINAL_CARDIAC_TRIGGER = "00209153";
const FRAME_REFERENCE_TIME = "00541300";
const ACQUISITION_TIME = "00080032";
const FRAME_TIME = "00181063";
const FRAME_ACQUISITION_DATE_TIME = "00189074";

const SAME_PLACE_MM = 1e-3;

/**
 * The phases of images that lie in the same places equally often; one phase of all of them when each has a place of its
 * own; undefined when they are neither.
 */
export function phasesOf(frames: readonly Frame[]): readonly Phase[] | undefined {
  const sorted = placed(frames);
  if (!isPlaced(sorted)) return undefined;
  const places: Placed[][] = [];
  for (const one of sorted) {
    const before = places.at(-1);
    if (before?.[0] && Math.abs(one.distance - before[0].distance) < SAME_PLACE_MM) before.push(one);
    else places.push([one]);
  }
  const count = places[0]?.length ?? 0;
  if (places.some((place) => place.length !== count)) return undefined;
  if (count === 1) return [{ frames, time: 0 }];
  const order = new Map(frames.map((frame, index) => [frame, index] as const));
  const inTime = places.map((place) => place.map(({ frame }) => frame).toSorted(byTime));
  const start = inTime[0]?.[0] && timeOf(inTime[0][0]);
  const last = inTime[0]?.at(-1);
  const told = start !== undefined && last !== undefined && timeOf(last) !== start; // one time for all tells nothing
  return Array.from({ length: count }, (_, phase) => {
    const images = inTime.flatMap((place) => place[phase] ?? []);
    const time = images[0] && timeOf(images[0]);
    const read = images.toSorted((one, other) => (order.get(one) ?? 0) - (order.get(other) ?? 0));
    return { frames: read, time: time === undefined || !told ? undefined : time - start };
  });
}

function isPlaced(found: readonly Placed[] | NoVolume): found is readonly Placed[] {
  return Array.isArray(found);
}

function byTime(a: Frame, b: Frame): number {
  for (const tag of [TEMPORAL_POSITION_INDEX, TEMPORAL_POSITION_IDENTIFIER]) {
    const [one, other] = [number(a.dataset, tag), number(b.dataset, tag)];
    if (one !== undefined && other !== undefined && one !== other) return one - other;
  }
  const [one, other] = [timeOf(a), timeOf(b)];
  if (one !== undefined && other !== undefined && one !== other) return one - other;
  return (a.instanceNumber ?? 0) - (b.instanceNumber ?? 0) || a.frameNumber - b.frameNumber;
}

/** When the image was taken, in ms on a clock that images of one series share. */
export function timeOf({ dataset, frameNumber }: Frame): number | undefined {
  for (const tag of [TRIGGER_TIME, NOMINAL_CARDIAC_TRIGGER, FRAME_REFERENCE_TIME]) {
    const value = number(dataset, tag);
    if (value !== undefined) return value;
  }
  const clock = /(\d{2})(\d{2})(\d{2}(?:\.\d+)?)$/.exec(
    text(dataset, FRAME_ACQUISITION_DATE_TIME).slice(8) || text(dataset, ACQUISITION_TIME),
  );
  const frameTime = number(dataset, FRAME_TIME);
  if (frameTime !== undefined) return (frameNumber - 1) * frameTime;
  return clock ? ((Number(clock[1]) * 60 + Number(clock[2])) * 60 + Number(clock[3])) * 1000 : undefined;
}
