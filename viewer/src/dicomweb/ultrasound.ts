/** What the axes of an ultrasound region are: centimetres, seconds, centimetres a second and others (PS3.3 C.8.5.5). */

import { items, number, Tag, type Dataset } from "@/dicomweb/json";

const REGIONS = "00186011";

/** Units by their code in PS3.3 C.8.5.5.1.15, named by UCUM; 0 is none. */
const UNITS = ["", "%", "dB", "cm", "s", "Hz", "dB/s", "cm/s", "cm2", "cm2/s", "cm3", "cm3/s", "deg"] as const;
export type AxisUnit = Exclude<(typeof UNITS)[number], "">;

export interface Axis {
  readonly unit: AxisUnit;
  /** From one pixel to the next, right or down; mostly negative where velocities grow upwards. */
  readonly delta: number;
  /** The value at the image's column or row 0; undefined where the region names no reference. */
  readonly zero: number | undefined;
}

export interface UltrasoundRegion {
  /** Columns and rows of the image, inclusive. */
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  /** Undefined where it has no unit. */
  readonly x: Axis | undefined;
  readonly y: Axis | undefined;
  /** A length on both axes, so that what is oblique has one, too. */
  readonly isSpatial: boolean;
  /** Traces and graphics, which are drawn over what is examined. */
  readonly isLaidOver: boolean;
}

// PS3.3 C.8.5.5.1.1
const [M_MODE, WAVEFORM, GRAPHICS] = [2, 4, 5];

function axisOf(region: Dataset, [unit, delta, pixel, value]: readonly [string, string, string, string], from: number): Axis | undefined {
  const name = UNITS[number(region, unit) ?? 0] ?? "";
  const step = number(region, delta) ?? 0;
  if (name === "" || !Number.isFinite(step) || step === 0) return undefined;
  const at = number(region, pixel); // counted from the region's corner; where nothing else is said it is the origin: the baseline, the moment of the image
  return { unit: name, delta: step, zero: at === undefined ? undefined : (number(region, value) ?? 0) - (from + at) * step };
}

/** Whether a region reaches beyond the image: it is of the image before that was made smaller or cut. */
function isBeyond(dataset: Dataset, { right, bottom }: Pick<UltrasoundRegion, "right" | "bottom">): boolean {
  return right > (number(dataset, Tag.Columns) ?? Infinity) || bottom > (number(dataset, Tag.Rows) ?? Infinity); // many write the column after the last
}

function told(dataset: Dataset): UltrasoundRegion[] {
  return items(dataset, REGIONS).flatMap((region): UltrasoundRegion[] => {
    const value = (tag: string): number => number(region, tag) ?? Number.NaN;
    const [left, top, right, bottom] = [value("00186018"), value("0018601A"), value("0018601C"), value("0018601E")];
    if (!(right >= left) || !(bottom >= top)) return [];
    const x = axisOf(region, ["00186024", "0018602C", "00186020", "00186028"], left);
    const y = axisOf(region, ["00186026", "0018602E", "00186022", "0018602A"], top);
    const format = number(region, "00186012") ?? 0;
    const isLaidOver = format === WAVEFORM || format === GRAPHICS;
    const isSpatial = x?.unit === "cm" && y?.unit === "cm" && !isLaidOver && format !== M_MODE && format !== 0;
    return [{ left, top, right, bottom, x, y, isSpatial, isLaidOver }];
  });
}

/** The regions of an image that hold: none that reaches beyond it. */
export function regionsOf(dataset: Dataset): UltrasoundRegion[] {
  return told(dataset).filter((region) => !isBeyond(dataset, region));
}

type Place = readonly [number, number];

const HALF = 0.5;

function holds({ left, top, right, bottom }: UltrasoundRegion, [column, row]: Place): boolean {
  return column >= left - HALF && column <= right + HALF && row >= top - HALF && row <= bottom + HALF;
}

const SAME = 1e-4;

function areAlike(one: Axis | undefined, other: Axis | undefined): boolean {
  if (!one || !other) return one === other;
  const step = Math.abs(one.delta);
  const isShifted = one.zero !== undefined && other.zero !== undefined && Math.abs(one.zero - other.zero) > step;
  return one.unit === other.unit && Math.abs(one.delta - other.delta) <= SAME * step && !isShifted;
}

/**
 * Why nothing is measured at a place: `beyond` the image, which is smaller than its regions; `outside` of every region;
 * `several` that differ; `unitless`, neither axis of it has a unit.
 */
export type Unmeasured = "beyond" | "outside" | "several" | "unitless";

/** The region in which all of these pixels (columns, rows) lie, or why there is none; undefined for an image without regions. */
export function regionAround(dataset: Dataset, places: readonly Place[]): UltrasoundRegion | Unmeasured | undefined {
  const all = told(dataset);
  if (all.length === 0) return undefined;
  const sound = all.filter((region) => !isBeyond(dataset, region));
  const around = sound.filter((region) => places.every((place) => holds(region, place)));
  const examined = around.filter(({ isLaidOver }) => !isLaidOver);
  const [first, ...others] = examined.length > 0 ? examined : around;
  if (!first) return sound.length < all.length ? "beyond" : "outside";
  if (others.some(({ x, y }) => !areAlike(x, first.x) || !areAlike(y, first.y))) return "several";
  return first.x || first.y ? first : "unitless";
}

/** What an axis says, in its own unit. */
export interface AxisFigure {
  readonly value: number;
  readonly unit: AxisUnit;
  readonly axis: "x" | "y";
}

function along(region: UltrasoundRegion, value: (axis: Axis, which: 0 | 1) => number | undefined): AxisFigure[] {
  return (["x", "y"] as const).flatMap((axis, which) => {
    const own = region[axis];
    const found = own && value(own, which as 0 | 1);
    return own && found !== undefined ? [{ value: found, unit: own.unit, axis }] : [];
  });
}

/** How far these pixels lie apart on each axis that has a unit. */
export function spansIn(region: UltrasoundRegion, places: readonly Place[]): AxisFigure[] {
  return along(region, ({ delta }, which) => {
    const at = places.map((place) => place[which]);
    return (Math.max(...at) - Math.min(...at)) * Math.abs(delta);
  });
}

/** Time, velocity and the like of a pixel, as far as the region names its reference. */
export function readingIn(region: UltrasoundRegion, place: Place): AxisFigure[] {
  return along(region, ({ delta, zero }, which) => (zero === undefined ? undefined : zero + place[which] * delta));
}

/** A pixel's reading where an axis of its region is none of lengths; none elsewhere. */
export function readingAt(dataset: Dataset, place: Place): AxisFigure[] {
  const region = regionAround(dataset, [place]);
  return typeof region === "object" && !region.isSpatial ? readingIn(region, place) : [];
}

const MM_PER_CM = 10;

/** From pixels to millimetres in a spatial region. */
export function millimetresIn({ x, y }: UltrasoundRegion): { readonly column: number; readonly row: number } {
  return { column: Math.abs(x?.delta ?? 0) * MM_PER_CM, row: Math.abs(y?.delta ?? 0) * MM_PER_CM };
}

/** What holds for the whole image: sizes in places (undefined), none because its regions are of a larger one, or axes of other units alone. */
export function limitsOf(dataset: Dataset): "beyond" | "axes" | undefined {
  const all = told(dataset);
  const sound = all.filter((region) => !isBeyond(dataset, region));
  if (sound.some(({ isSpatial }) => isSpatial) || all.length === 0) return undefined;
  if (sound.some(({ x, y, isLaidOver }) => !isLaidOver && (x ?? y))) return "axes";
  return sound.length < all.length ? "beyond" : undefined;
}
