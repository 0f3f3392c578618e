/** The curve of a region over time: its points as they are drawn and as they are taken away. */

import { signal } from "@preact/signals";

import type { Frame } from "@/dicomweb/frames";
import { volumeOf } from "@/dicomweb/geometry";
import { inTime } from "@/dicomweb/inTime";
import { phasesOf } from "@/dicomweb/phases";
import { unitOf } from "@/dicomweb/units";
import type { ViewControls } from "@/viewport/contract";
import type { RegionValues } from "@/viewport/sampling";

export interface CurvePoint extends RegionValues {
  /** From 1. */
  readonly number: number;
  /** From the first image, ms; undefined where the objects do not tell. */
  readonly time: number | undefined;
}

export interface Curve {
  readonly points: readonly CurvePoint[];
  /** Of the values; "" when they have none. */
  readonly unit: string;
}

/** `region`: nothing encloses one here; `series`: no other image shows this place at another time. */
export type CurveState =
  | { readonly kind: "none" | "region" | "series" | "failed" }
  | { readonly kind: "loading"; readonly done: number; readonly total: number }
  | { readonly kind: "drawn"; readonly curve: Curve };

type Values = Promise<readonly RegionValues[]> | undefined;

export class TimeCurve {
  readonly state = signal<CurveState>({ kind: "none" });

  private asked: AbortController | undefined;

  /** Of the region in what stands in a viewport, whose image `shown` is. */
  async draw(controls: ViewControls | undefined, frames: readonly Frame[], shown: Frame | undefined): Promise<void> {
    this.close();
    if (!controls || !shown) return;
    const asked = new AbortController();
    this.asked = asked;
    const { times, values } = this.begin(controls, frames, shown, asked.signal);
    if (!values) {
      this.state.value = { kind: times.length < 2 ? "series" : "region" };
      return;
    }
    try {
      const found = await values;
      if (asked.signal.aborted) return;
      const points = found.map((one, index) => Object.assign({ number: index + 1, time: times[index] }, one));
      this.state.value = { kind: "drawn", curve: { points, unit: unitOf(shown.dataset) } };
    } catch {
      if (!asked.signal.aborted) this.state.value = { kind: "failed" };
    }
  }

  close(): void {
    this.asked?.abort();
    this.state.value = { kind: "none" };
  }

  private begin(
    controls: ViewControls,
    frames: readonly Frame[],
    shown: Frame,
    stop: AbortSignal,
  ): { readonly times: readonly (number | undefined)[]; readonly values: Values } {
    const progress = (total: number) => (done: number) => {
      if (!stop.aborted) this.state.value = { kind: "loading", done, total };
    };
    if (controls.regionThrough) {
      const phases = phasesOf(frames) ?? [];
      const volumes = phases.flatMap((phase) => volumeOf(phase.frames).volume ?? []);
      const several = volumes.length > 1 && volumes.length === phases.length;
      const values = several ? controls.regionThrough(volumes, progress(volumes.length), stop) : undefined;
      return { times: several ? phases.map(({ time }) => time) : [], values };
    }
    const moments = inTime(frames, shown) ?? [];
    const values = moments.length > 1 ? controls.regionOver?.(moments.map(({ frame }) => frame), progress(moments.length), stop) : undefined;
    return { times: moments.map(({ time }) => time), values };
  }
}

const HEAD = ["image", "time_ms", "mean", "standard_deviation", "minimum", "maximum", "samples", "unit"];

/** RFC 4180, for every program alike: points in numbers, commas between them. */
export function csvOf({ points, unit }: Curve): string {
  const rows = points.map(({ number, time, mean, stdDev, min, max, count }) =>
    [number, time ?? "", mean, stdDev, min, max, count, `"${unit.replaceAll('"', '""')}"`].join(","),
  );
  return [HEAD.join(","), ...rows, ""].join("\r\n");
}

export interface Plotted {
  /** Points of an SVG polyline in the box. */
  readonly line: string;
  readonly low: number;
  readonly high: number;
  /** Of the first and last point: ms, or the number of the image where times are not told. */
  readonly ends: readonly [number, number];
  readonly timed: boolean;
}

/** Where points lie in a box of this size, and between which values. */
export function plotted({ points }: Curve, width: number, height: number): Plotted {
  const means = points.map(({ mean }) => mean);
  const [low, high] = [Math.min(...means), Math.max(...means)];
  const timed = points.every(({ time }) => time !== undefined);
  const along = points.map(({ time, number }) => (timed ? (time ?? 0) : number));
  const ends: [number, number] = [Math.min(...along), Math.max(...along)];
  const line = means.map((mean, index) => {
    const x = ends[1] > ends[0] ? (((along[index] ?? 0) - ends[0]) / (ends[1] - ends[0])) * width : 0;
    const y = high > low ? height - ((mean - low) / (high - low)) * height : height / 2;
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  return { line: line.join(" "), low, high, ends, timed };
}
