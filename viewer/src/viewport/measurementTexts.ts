/** What is written beside a measurement: numbers and units as the screen's language writes them. */

import { AngleTool, BidirectionalTool, CobbAngleTool, LengthTool, ProbeTool } from "@cornerstonejs/tools";

import { Tag, text, type Dataset } from "@/dicomweb/json";
import { spacingOf } from "@/dicomweb/spacing";
import { suvFactor } from "@/dicomweb/suv";
import { unitOf } from "@/dicomweb/units";
import { alike, n, t } from "@/i18n";
import { axisTexts } from "@/tools/axisText";
import { frameOf } from "@/viewport/metadata";
import type { RegionStats } from "@/viewport/regionFigures";
import { sizeText } from "@/viewport/sizes";
import { voxelsOf } from "@/viewport/volumeData";

/** The figures that Cornerstone keeps of a measurement, by its kind. */
interface Figures extends Pick<RegionStats, "axes" | "unmeasured"> {
  readonly length?: number;
  readonly width?: number;
  readonly angle?: number;
  readonly area?: number;
  readonly mean?: number;
  readonly stdDev?: number;
  readonly min?: number;
  readonly max?: number;
  readonly value?: number | readonly number[];
  readonly unit?: string;
  readonly areaUnit?: string;
  /** A part of the region lies beside the image: the figures are of the rest. */
  readonly partial?: boolean;
  /** Of what lies over it. */
  readonly over?: Figures & { readonly dataset: Dataset };
}

/** Rectangles name their target in a list. */
type Lines = (data: unknown, target: string | readonly string[]) => string[] | undefined;

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

/** A line, where there is one to write. */
function line(text: string | undefined, before = ""): string[] {
  return text === undefined ? [] : [`${before}${text}`];
}

function datasetOf(targetId: string): Dataset | undefined {
  return frameOf(targetId.replace(/^imageId:/, ""))?.dataset ?? voxelsOf(targetId)?.dataset;
}

const SIGNIFICANT = 4;

/** Hounsfield units are whole; of doses, of coefficients of diffusion the decimals are what they are about. */
function digitsFor(values: readonly number[], unit: string): number {
  const largest = Math.max(...values.map(Math.abs));
  if (unit === "HU" || !(largest > 0)) return 1;
  return Math.max(1, Math.min(8, SIGNIFICANT - 1 - Math.floor(Math.log10(largest))));
}

/** Values in one unit, of PET also as standardized uptake values by body weight where that can be had: a line for each. */
function inUnits(values: readonly number[], between: string, dataset: Dataset | undefined): string[] {
  const written = (factor: number, digits: number, unit: string): string =>
    `${alike(values.map((value) => value * factor), digits).join(between)} ${unit}`.trim();
  const unit = dataset ? unitOf(dataset) : "";
  const plain = written(1, digitsFor(values, unit), unit);
  if (!dataset || text(dataset, Tag.Modality) !== "PT") return [plain];
  const suv = suvFactor(dataset);
  return suv.refused ? [plain] : [written(suv.factor, 2, "SUVbw"), plain];
}

function named(name: string, [first = "", ...others]: readonly string[]): string[] {
  return [`${name} ${first}`, ...others];
}

function regionLines(figures: Figures, dataset: Dataset | undefined): string[] {
  const { area, mean, stdDev, min, max } = figures;
  const lines: string[] = [];
  if (isNumber(area)) lines.push(...line(sizeText([area], figures.areaUnit ?? "", 2), `${t("measure.area")} `));
  if (isNumber(mean)) lines.push(...named(t("measure.mean"), inUnits(isNumber(stdDev) ? [mean, stdDev] : [mean], " ± ", dataset)));
  if (isNumber(min) && isNumber(max)) lines.push(...named(t("measure.range"), inUnits([min, max], " … ", dataset)));
  if (figures.partial === true) lines.push(t("measure.partial"));
  return lines;
}

/** A slab's picture is of many values at once: sizes hold in it, values do not. */
function withoutValues({ area, areaUnit }: Figures): string[] {
  return [...(isNumber(area) ? line(sizeText([area], areaUnit ?? "", 2), `${t("measure.area")} `) : []), t("measure.slab")];
}

type Writer = (figures: Figures, dataset: Dataset | undefined) => string[];

function degrees({ angle }: Figures): string[] {
  return isNumber(angle) ? [`${n(angle, 1)}°`] : [];
}

const WRITERS: Readonly<Record<string, Writer>> = {
  [LengthTool.toolName]: ({ length, unit }) => (isNumber(length) ? line(sizeText([length], unit ?? "")) : []),
  [BidirectionalTool.toolName]: ({ length, width, unit }) =>
    isNumber(length) && isNumber(width) ? line(sizeText([length, width], unit ?? "")) : [],
  [AngleTool.toolName]: degrees,
  [CobbAngleTool.toolName]: degrees,
  [ProbeTool.toolName]: ({ value }, dataset) =>
    isNumber(value) ? inUnits([value], "", dataset) : Array.isArray(value) ? [`RGB ${value.join(" ")}`] : [],
};

const CAUTIONS = { detector: "measure.detector", magnified: "measure.magnified" } as const;

/** A caution where millimetres are those of the detector, or by an estimate. */
function cautions({ length, area, unit, areaUnit }: Figures, dataset: Dataset | undefined): string[] {
  const inMm = (isNumber(length) && unit?.startsWith("mm")) || (isNumber(area) && areaUnit?.startsWith("mm"));
  const basis = inMm && dataset ? spacingOf(dataset).basis : undefined;
  return basis === "detector" || basis === "magnified" ? [t(CAUTIONS[basis])] : [];
}

const OF_VALUES = new Set([ProbeTool.toolName]);

/** The values of what lies over a region or point; its size is said already. */
function overLines(write: Writer, { over }: Figures): string[] {
  if (!over || write === withoutValues) return [];
  const { area: _, ...values } = over;
  return write(values, over.dataset).map((words) => `${text(over.dataset, Tag.Modality)} ${words}`);
}

/** How a tool of this name writes its figures; what encloses a region writes its statistics, but in a slab. */
export function linesOf(toolName: string, isSlab?: () => boolean): Lines {
  const ofValues = OF_VALUES.has(toolName) || WRITERS[toolName] === undefined;
  return (data, target) => {
    const write = ofValues && isSlab?.() === true ? withoutValues : (WRITERS[toolName] ?? regionLines);
    const targetId = (typeof target === "string" ? target : target[0]) ?? "";
    const stats = (data as { cachedStats?: Record<string, Figures | undefined> }).cachedStats?.[targetId];
    const dataset = datasetOf(targetId);
    const byAxes = axisTexts(stats?.axes ?? [], toolName !== ProbeTool.toolName);
    const why = stats?.unmeasured ? [t(`measure.${stats.unmeasured}`)] : [];
    const lines = stats ? [...byAxes, ...write(stats, dataset), ...why, ...cautions(stats, dataset), ...overLines(write, stats)] : [];
    return lines.length > 0 ? lines : undefined;
  };
}
