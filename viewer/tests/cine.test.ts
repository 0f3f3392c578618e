import { signal } from "@preact/signals";
import { expect, it, vi } from "vitest";

import { seriesContent, type Frame } from "@/dicomweb/frames";
import type { Dataset } from "@/dicomweb/json";
import { Cine } from "@/model/cine";
import { loopOf, neighbourClip, type Pane } from "@/model/pane";
import { extentOf } from "@/pictures/taking";

const e = (vr: string, ...Value: unknown[]): { vr: string; Value: unknown[] } => ({ vr, Value });

function clip(number: number, frames: number, more: Dataset = {}): Dataset {
  return {
    "00080018": e("UI", `1.${number}`),
    "00200013": e("IS", number),
    "00280008": e("IS", frames),
    "00280010": e("US", 8),
    "00280011": e("US", 8),
    "7FE00010": { vr: "OW" },
    ...more,
  };
}

const stack = (...objects: Dataset[]): readonly Frame[] => seriesContent("1", "1", objects).frames;

it("counts the loops of a series, and knows a lone one and slices for none", () => {
  const echo = stack(clip(1, 3), clip(2, 1), clip(3, 2));
  expect(loopOf(echo, "1.3")).toEqual({ first: 4, last: 5, number: 2, total: 2 });
  expect(loopOf(echo, "1.2")).toBeUndefined();
  expect(loopOf(stack(clip(1, 3)), "1.1")).toBeUndefined();
  const place = { "00200032": e("DS", 0, 0, 0), "00200037": e("DS", 1, 0, 0, 0, 1, 0), "00280030": e("DS", 1, 1), "00200052": e("UI", "1.9") };
  expect(loopOf(stack(clip(1, 3, place), clip(2, 3, place)), "1.1")).toBeUndefined();
});

it("goes from clip to clip, stills among them, and through slices by no such steps", () => {
  const echo = stack(clip(1, 3), clip(2, 1), clip(3, 2));
  const next = (at: number, step: number): number | undefined => neighbourClip(echo, echo[at], step);
  expect([next(1, 1), next(3, 1), next(5, 1)]).toEqual([3, 4, undefined]);
  expect([next(5, -1), next(3, -1), next(1, -1)]).toEqual([3, 0, undefined]);
  const stills = stack(clip(1, 1), clip(2, 1));
  expect(neighbourClip(stills, stills[0], 1)).toBeUndefined();
});

it("is a film of the clip that is looked at, pictures of all of them, and of what is played where that is limited", () => {
  const echo = stack(clip(1, 3), clip(2, 1), clip(3, 2));
  const range = signal<readonly [number, number] | undefined>(undefined);
  const pane = { cine: { range }, content: signal({ frames: echo, others: [], slides: [], marked: [] }), loop: signal(loopOf(echo, "1.3")) } as unknown as Pane;
  expect([extentOf(pane, "mp4"), extentOf(pane, "png")]).toEqual([[4, 5], [0, 5]]);
  range.value = [1, 2];
  expect(extentOf(pane, "mp4")).toEqual([1, 2]);
});

it("plays the loop that is looked at round and round, unless other limits are set", () => {
  vi.useFakeTimers();
  const echo = stack(clip(1, 2), clip(2, 3));
  let index = 3;
  const went: number[] = [];
  const goTo = (to: number): void => void went.push((index = to));
  const cine = new Cine({
    length: () => echo.length,
    index: () => index,
    loop: () => {
      const loop = loopOf(echo, echo[index]?.sopInstanceUid);
      return loop && [loop.first, loop.last];
    },
    goTo,
    isShown: () => true,
  });
  cine.toggle(undefined, { rate: 10, always: true });
  vi.advanceTimersByTime(450);
  expect(went).toEqual([4, 2, 3, 4]);
  cine.range.value = [0, 4];
  vi.advanceTimersByTime(200);
  expect(went.slice(4)).toEqual([0, 1]);
  cine.close();
  vi.useRealTimers();
});
