/** Which part of a slide is on the screen, and how large: in pixels of its finest level. */

import type { Level, Slide } from "@/dicomweb/slide";

export interface SlideView {
  /** The pixel in the middle of the screen. */
  readonly x: number;
  readonly y: number;
  /** CSS pixels a pixel. */
  readonly scale: number;
}

export type Size = readonly [number, number];

const FILLED = 0.96; // of the screen, when all is to be seen
const SMALLEST = 0.75; // of that: with some room around it there is no more to be seen
const LARGEST = 16; // CSS pixels a pixel of the finest level
const TINY = 2; // of that: what fills the screen by itself can still be enlarged
const ENOUGH = 0.8; // a level a little coarser than the screen is not worth four times the tiles

export function finest({ levels }: Slide): Level {
  const [first] = levels;
  if (!first) throw new Error("a slide always has a level");
  return first;
}

export function fitting(slide: Slide, [width, height]: Size): SlideView {
  const level = finest(slide);
  return { x: level.width / 2, y: level.height / 2, scale: FILLED * Math.min(width / level.width, height / level.height) };
}

/** The smallest and the largest scale. */
export function scalesOf(slide: Slide, size: Size): readonly [number, number] {
  const whole = fitting(slide, size).scale;
  return [whole * SMALLEST, Math.max(LARGEST, whole * TINY)];
}

/** Larger or smaller about a point of the screen, within reason; in the middle where all of it is seen. */
export function zoomed(slide: Slide, view: SlideView, size: Size, factor: number, [x, y]: Size): SlideView {
  const whole = fitting(slide, size);
  const [smallest, largest] = scalesOf(slide, size);
  const scale = Math.max(smallest, Math.min(largest, view.scale * factor));
  if (scale <= whole.scale) return { ...whole, scale };
  const [right, down] = [x - size[0] / 2, y - size[1] / 2];
  return moved(slide, { x: view.x + right / view.scale - right / scale, y: view.y + down / view.scale - down / scale, scale }, [0, 0]);
}

/** The slide drawn along by so many CSS pixels; its edge never goes beyond the middle of the screen. */
export function moved(slide: Slide, view: SlideView, [right, down]: Size): SlideView {
  const { width, height } = finest(slide);
  const x = Math.max(0, Math.min(width, view.x - right / view.scale));
  const y = Math.max(0, Math.min(height, view.y - down / view.scale));
  return { x, y, scale: view.scale };
}

/** How many of its pixels stand for one of the finest level, at most 1. */
export function shareOf(slide: Slide, level: Level): number {
  return level.width / finest(slide).width;
}

/** The coarsest level that is fine enough for the screen; `ratio`: its pixels a CSS pixel. */
export function levelFor(slide: Slide, { scale }: SlideView, ratio: number): Level {
  const enough = slide.levels.filter((level) => shareOf(slide, level) >= scale * ratio * ENOUGH);
  return enough.at(-1) ?? finest(slide);
}

/** What of a level is on the screen: left, top, right, bottom in its pixels. */
export function areaOf(slide: Slide, view: SlideView, level: Level, [width, height]: Size): readonly [number, number, number, number] {
  const share = shareOf(slide, level);
  const [half, tall] = [width / 2 / view.scale, height / 2 / view.scale];
  const inside = (value: number, last: number): number => Math.max(0, Math.min(last, value * share));
  return [
    inside(view.x - half, level.width),
    inside(view.y - tall, level.height),
    inside(view.x + half, level.width),
    inside(view.y + tall, level.height),
  ];
}

const MAGNIFICATION_UM = 10; // an objective of 40 gives a quarter of a micrometre a pixel

/** Of the microscope that would show it so large on a screen of one pixel a pixel; undefined without a spacing. */
export function magnification({ spacing }: Slide, { scale }: SlideView): number | undefined {
  return spacing && (MAGNIFICATION_UM * scale) / (spacing * 1000);
}

const BAR_PX = 140; // at most
const BARS_MM = [20, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005];

/** A round length and how long it is on the screen. */
export function scaleBar({ spacing }: Slide, { scale }: SlideView): { readonly mm: number; readonly px: number } | undefined {
  if (!spacing) return undefined;
  const mm = BARS_MM.find((length) => (length / spacing) * scale <= BAR_PX);
  return mm === undefined ? undefined : { mm, px: (mm / spacing) * scale };
}
