/** What Cornerstone calls a length or an area, in millimetres or in pixels and nothing else. */

import { alike, t } from "@/i18n";

/** A figure with its unit: millimetres or pixels, to the power asked for. */
export interface Sized {
  readonly value: number;
  readonly unit: "mm" | "px";
}

/**
 * A figure in the unit `name` ("mm", "mm ERMF", "px²"); undefined where it is no size.
 */
export function inMillimetres(figure: number, name: string): Sized | undefined {
  const word = name.split(/[\s\u00B2]/u)[0] || "px";
  return word === "px" || word === "mm" ? { value: figure, unit: word } : undefined;
}

/** The figures in words; see `inMillimetres`. */
export function sizeText(figures: readonly number[], name: string, power: 1 | 2 = 1): string | undefined {
  const sized = figures.map((figure) => inMillimetres(figure, name));
  const [first] = sized;
  if (!first) return undefined;
  const unit = first.unit === "px" ? t("unit.px") : t("unit.mm");
  return `${alike(sized.map((one) => one?.value ?? 0), 1).join(" × ")} ${unit}${power === 2 ? "\u00B2" : ""}`;
}
