/** The figures of a measurement as a report takes them: names of the node, numbers, units. */

import type { DrawnKind, Figure } from "@/dicomweb/measured";
import { Tag, text, type Dataset } from "@/dicomweb/json";
import { spacingOf } from "@/dicomweb/spacing";
import { suvFactor } from "@/dicomweb/suv";
import type { AxisFigure, AxisUnit } from "@/dicomweb/ultrasound";
import { unitOf } from "@/dicomweb/units";
import { inMillimetres } from "@/viewport/sizes";

type Stats = Readonly<Record<string, unknown>>;

function size(dataset: Dataset, name: string, value: unknown, unit: unknown, power: 1 | 2 = 1): Figure[] {
  if (typeof value !== "number" || !Number.isFinite(value)) return [];
  const sized = inMillimetres(value, typeof unit === "string" ? unit : "");
  if (!sized) return [];
  const isAtDetector = sized.unit === "mm" && spacingOf(dataset).basis === "detector";
  return [{ name, value: sized.value, unit: power === 2 ? `${sized.unit}2` : sized.unit, ...(isAtDetector && { at_detector: true as const }) }];
}

function angle({ angle: value }: Stats): Figure[] {
  return typeof value === "number" && Number.isFinite(value) ? [{ name: "angle", value, unit: "deg" }] : [];
}

/** A modality value, of PET as standardized uptake value where that can be had. */
function intensity(name: string, value: unknown, dataset: Dataset): Figure[] {
  if (typeof value !== "number" || !Number.isFinite(value)) return [];
  const suv = text(dataset, Tag.Modality) === "PT" ? suvFactor(dataset) : undefined;
  if (suv && !suv.refused) return [{ name, value: value * suv.factor, unit: "SUVbw" }];
  return [{ name, value, unit: unitOf(dataset) }];
}

const MM_PER_CM = 10;
const AXIS_NAMES: Readonly<Partial<Record<AxisUnit, string>>> = { s: "time", "cm/s": "velocity", Hz: "frequency", cm: "distance" };

/** By the axes of a region of ultrasound: how far ends lie apart, of a point where it lies. */
function byAxes(stats: Stats): Figure[] {
  return ((stats["axes"] ?? []) as readonly AxisFigure[]).map(({ value, unit }) => {
    const name = AXIS_NAMES[unit] ?? "quantity";
    return unit === "cm" ? { name, value: value * MM_PER_CM, unit: "mm" } : { name, value, unit };
  });
}

function region(stats: Stats, dataset: Dataset): Figure[] {
  return [
    ...size(dataset, "area", stats["area"], stats["areaUnit"], 2),
    ...intensity("mean", stats["mean"], dataset),
    ...intensity("standard_deviation", stats["stdDev"], dataset),
    ...intensity("minimum", stats["min"], dataset),
    ...intensity("maximum", stats["max"], dataset),
  ];
}

const BY_KIND: Readonly<Record<DrawnKind, (stats: Stats, dataset: Dataset) => Figure[]>> = {
  length: (stats, dataset) => size(dataset, "length", stats["length"], stats["unit"]),
  bidirectional: (stats, dataset) => [
    ...size(dataset, "long_axis", stats["length"], stats["unit"]),
    ...size(dataset, "short_axis", stats["width"], stats["unit"]),
  ],
  angle,
  cobb: angle,
  ellipse: region,
  rectangle: region,
  freehand: region,
  arrow: () => [],
  text: () => [],
  probe: (stats, dataset) => intensity("value", stats["value"], dataset),
};

/** Whether the figures (`stats`) are of a part of the region alone. */
export function isPartial(stats: unknown): boolean {
  return typeof stats === "object" && stats !== null && (stats as Stats)["partial"] === true;
}

/** What Cornerstone keeps of a measurement (`stats`) as figures; none where it has not measured yet. */
export function figuresOf(kind: DrawnKind, stats: unknown, dataset: Dataset): Figure[] {
  return typeof stats === "object" && stats !== null ? [...BY_KIND[kind](stats as Stats, dataset), ...byAxes(stats as Stats)] : [];
}
