/** What Cornerstone calls a length or an area, in millimetres or in pixels and nothing else. */

import { n, t } from "@/i18n";

/** Ultrasound regions have their lengths in centimetres (PS3.3 C.8.5.5.1.15). */
const MILLIMETRES: Readonly<Record<string, number>> = { mm: 1, cm: 10 };

/**
 * The figures in the unit `name` ("mm", "cm US Region", "px²"), of the given power (1 for lengths, 2 for areas).
 * Undefined where they are no size: of a region in seconds or hertz, say.
 */
export function sizeText(figures: readonly number[], name: string, power: 1 | 2 = 1): string | undefined {
  const word = name.split(/[\s\u00B2]/u)[0] || "px";
  const mark = power === 2 ? "\u00B2" : "";
  const factor = word === "px" ? 1 : MILLIMETRES[word];
  if (factor === undefined) return undefined;
  const unit = word === "px" ? t("unit.px") : t("unit.mm");
  return `${figures.map((figure) => n(figure * factor ** power, 1)).join(" × ")} ${unit}${mark}`;
}
