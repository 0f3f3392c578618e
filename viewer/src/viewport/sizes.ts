/** What Cornerstone calls a length or an area, in millimetres or in pixels and nothing else. */

import { alike, t } from "@/i18n";

/** Ultrasound regions have their lengths in centimetres (PS3.3 C.8.5.5.1.15). */
const MILLIMETRES: Readonly<Record<string, number>> = { mm: 1, cm: 10 };

/** A figure with its unit: millimetres or pixels, to the power asked for. */
export interface Sized {
  readonly value: number;
  readonly unit: "mm" | "px";
}

/**
 * A figure in the unit `name` ("mm", "cm US Region", "px²"), of the given power (1 for lengths, 2 for areas).
 * Undefined where it is no size: of a region in seconds or hertz, say.
 */
export function inMillimetres(figure: number, name: string, power: 1 | 2 = 1): Sized | undefined {
  const word = name.split(/[\s\u00B2]/u)[0] || "px";
  if (word === "px") return { value: figure, unit: "px" };
  const factor = MILLIMETRES[word];
  return factor === undefined ? undefined : { value: figure * factor ** power, unit: "mm" };
}

/** The figures in words; see `inMillimetres`. */
export function sizeText(figures: readonly number[], name: string, power: 1 | 2 = 1): string | undefined {
  const sized = figures.map((figure) => inMillimetres(figure, name, power));
  const [first] = sized;
  if (!first) return undefined;
  const unit = first.unit === "px" ? t("unit.px") : t("unit.mm");
  return `${alike(sized.map((one) => one?.value ?? 0), 1).join(" × ")} ${unit}${power === 2 ? "\u00B2" : ""}`;
}
