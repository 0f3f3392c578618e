/** Times, velocities and other figures of the axes of an ultrasound region in words. */

import type { AxisFigure, AxisUnit } from "@/dicomweb/ultrasound";
import { n, t } from "@/i18n";
import type { PlainKey } from "@/i18n/catalogue";

const SYMBOLS: Readonly<Partial<Record<AxisUnit, string>>> = { s: "t", "cm/s": "v", Hz: "f" };
const UNIT_KEYS: Readonly<Record<Exclude<AxisUnit, "cm" | "%" | "deg">, PlainKey>> = {
  s: "unit.s",
  Hz: "unit.hertz",
  "cm/s": "unit.cmPerSecond",
  dB: "unit.decibel",
  "dB/s": "unit.decibelPerSecond",
  cm2: "unit.cm2",
  "cm2/s": "unit.cm2PerSecond",
  cm3: "unit.cm3",
  "cm3/s": "unit.cm3PerSecond",
};
const MM_PER_CM = 10;
const MS_PER_S = 1000;

function amount(value: number, unit: AxisUnit): string {
  if (unit === "cm") return `${n(value * MM_PER_CM, 1)} ${t("unit.mm")}`;
  if (unit === "s") return Math.abs(value) < 1 ? `${n(value * MS_PER_S, 1)} ${t("unit.ms")}` : `${n(value, 3)} ${t("unit.s")}`;
  if (unit === "deg") return `${n(value, 1)}°`;
  if (unit === "%") return `${n(value, 1)} %`;
  return `${n(value, unit === "Hz" ? 0 : 1)} ${t(UNIT_KEYS[unit])}`;
}

/** What each axis says: where a point lies on it, or with `delta` how far points lie apart. */
export function axisTexts(axes: readonly AxisFigure[], delta: boolean): string[] {
  return axes.map(({ value, unit }) => [`${delta ? "Δ" : ""}${SYMBOLS[unit] ?? ""}`, amount(value, unit)].join(" ").trim());
}
