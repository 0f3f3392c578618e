/** Windows that radiologists ask for by name, in units after the modality LUT (HU for CT). */

import { number, numbers, Tag, text, texts, type Dataset } from "@/dicomweb/json";
import { suvFactor } from "@/dicomweb/suv";
import type { PlainKey } from "@/i18n/catalogue";

export interface Window {
  readonly center: number;
  readonly width: number;
}

/**
 * What one entry of the preset list does: `stored` is the image's own window, `full` the range of its values, `values`
 * a fixed window.
 */
export type Preset = {
  /** Part of the entry's data-testid. */
  readonly name: string;
  /** The object's own words where it has some, else a message. */
  readonly label: { readonly key: PlainKey } | { readonly text: string };
} & ({ readonly kind: "stored" } | { readonly kind: "full" } | ValuesPreset);

/** `exact`: from centre − width/2 to centre + width/2 (PS3.3 C.11.2.1.3.2), as what is no whole number has to be. */
interface ValuesPreset {
  readonly kind: "values";
  readonly window: Window;
  readonly exact?: boolean;
}

const STORED: Preset = { name: "stored", label: { key: "preset.stored" }, kind: "stored" };
const FULL: Preset = { name: "full", label: { key: "preset.full" }, kind: "full" };

function fixed(name: string, key: PlainKey, center: number, width: number): Preset {
  return { name, label: { key }, kind: "values", window: { center, width } };
}

const BY_MODALITY: Readonly<Record<string, readonly Preset[]>> = {
  CT: [
    fixed("brain", "preset.brain", 40, 80),
    fixed("stroke", "preset.stroke", 36, 28),
    fixed("lung", "preset.lung", -600, 1500),
    fixed("mediastinum", "preset.mediastinum", 40, 400),
    fixed("abdomen", "preset.abdomen", 50, 350),
    fixed("liver", "preset.liver", 90, 150),
    fixed("bone", "preset.bone", 450, 1800),
  ],
};

/** The presets for an image: as stored, the other windows it names, those of its modality, the full range where its values are here. */
export function presetsFor(dataset: Dataset | undefined, hasValues = true): readonly Preset[] {
  if (!dataset || isColour(dataset)) return [STORED];
  const own = [STORED, ...namedWindows(dataset), ...(BY_MODALITY[text(dataset, Tag.Modality)] ?? []), ...uptakes(dataset)];
  return hasValues ? [...own, FULL] : own;
}

const SUV_ENDS = [5, 10];

/** Windows from no uptake to a SUV by body weight, where the object lets it be calculated. */
function uptakes(dataset: Dataset): Preset[] {
  const { factor } = suvFactor(dataset);
  if (factor === undefined) return [];
  return SUV_ENDS.map((end) => {
    const width = end / factor;
    return { name: `suv-${end}`, label: { text: `SUV 0–${end}` }, kind: "values", window: { center: width / 2, width }, exact: true };
  });
}

/** The first and last value of a window. */
export interface Ends {
  readonly lower: number;
  readonly upper: number;
}

export function endsOf({ window: { center, width }, exact }: ValuesPreset): Ends {
  if (exact) return widened({ lower: center - width / 2, upper: center + width / 2 });
  return widened({ lower: center - 0.5 - (width - 1) / 2, upper: center - 0.5 + (width - 1) / 2 });
}

const [RESCALE_INTERCEPT, RESCALE_SLOPE, VOI_LUT_FUNCTION] = ["00281052", "00281053", "00281056"];

/** The window for numbers between these ends, as it is told (PS3.3 C.11.2.1.2.1). */
export function windowOf({ lower, upper }: Ends): Window {
  return { center: (lower + upper + 1) / 2, width: upper - lower + 1 };
}

/** The ends of the window that the object names first; undefined where it names none, or one that is no straight line. */
export function namedEnds(dataset: Dataset): Ends | undefined {
  const [center, width] = [number(dataset, Tag.WindowCenter), number(dataset, Tag.WindowWidth)];
  const form = text(dataset, VOI_LUT_FUNCTION);
  const exact = form === "LINEAR_EXACT";
  if (center === undefined || width === undefined || form === "SIGMOID" || width <= 0 || (width < 1 && !exact)) return undefined;
  return endsOf({ kind: "values", window: { center, width }, exact });
}

/** Of all that its bits can hold. */
export function storableEnds(dataset: Dataset): Ends {
  const bits = number(dataset, Tag.BitsStored) ?? 16;
  const least = number(dataset, Tag.PixelRepresentation) === 1 ? -(2 ** (bits - 1)) : 0;
  const [slope, intercept] = [number(dataset, RESCALE_SLOPE) ?? 1, number(dataset, RESCALE_INTERCEPT) ?? 0];
  const ends = [least, least + 2 ** bits - 1].map((value) => slope * value + intercept);
  return widened({ lower: Math.min(...ends), upper: Math.max(...ends) });
}

const STEP = 1 / 200; // of the width, a pixel of the way

/** A window dragged so many CSS pixels: to the right wider, down to greater values; never narrower than one value, or than it was. */
export function dragged({ lower, upper }: Ends, right: number, down: number): Ends {
  const width = upper - lower;
  const center = (lower + upper) / 2 + down * STEP * width;
  const half = Math.max(width * Math.exp(right * STEP), Math.min(width, 1)) / 2;
  return { lower: center - half, upper: center + half };
}

export const NARROWEST = 2 ** -20; // of the values: still told apart in single precision

/** Of a window of width 1, of an image with one value, both ends are one: a table of colours cannot be made for that. */
export function widened({ lower, upper }: Ends): Ends {
  if (upper !== lower) return { lower, upper };
  const half = (Math.max(1, Math.abs(lower)) * NARROWEST) / 2;
  return { lower: lower - half, upper: lower + half };
}

/** How images of a kind are opened by those who read them, where that is not as the object says. */
export interface Opening {
  /** Values of the window's ends. */
  readonly range: Ends | undefined;
  /** Much is black. */
  readonly inverted: boolean;
}

/** PET: dark uptake on white, from no uptake to a SUV of five where that can be calculated. */
export function openingOf(dataset: Dataset | undefined): Opening {
  if (!dataset || text(dataset, Tag.Modality) !== "PT" || isColour(dataset)) return { range: undefined, inverted: false };
  const [first] = uptakes(dataset);
  return { range: first?.kind === "values" ? endsOf(first) : undefined, inverted: text(dataset, Tag.PhotometricInterpretation) !== "MONOCHROME1" };
}

/** Windows after the first, which have an explanation to show (PS3.3 C.11.2.1.2). */
function namedWindows(dataset: Dataset): Preset[] {
  const [centers, widths] = [numbers(dataset, Tag.WindowCenter), numbers(dataset, Tag.WindowWidth)];
  return texts(dataset, Tag.WindowCenterWidthExplanation).flatMap((explanation, index): Preset[] => {
    const [center, width] = [centers[index], widths[index]];
    if (index === 0 || !explanation || center === undefined || width === undefined) return [];
    return [{ name: `own-${index + 1}`, label: { text: explanation }, kind: "values", window: { center, width } }];
  });
}

/** Whether the pixels are colours, which have no window. */
export function isColour(dataset: Dataset): boolean {
  const interpretation = text(dataset, Tag.PhotometricInterpretation);
  return interpretation !== "" && !interpretation.startsWith("MONOCHROME");
}
