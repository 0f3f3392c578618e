/** The value under the pointer with its unit, and what distances in this image are worth. */

import type { Dataset } from "@/dicomweb/json";
import { Tag, text } from "@/dicomweb/json";
import { spacingOf, type SpacingBasis } from "@/dicomweb/spacing";
import { suvFactor } from "@/dicomweb/suv";
import { limitsOf, readingAt } from "@/dicomweb/ultrasound";
import { unitOf } from "@/dicomweb/units";
import { n, t } from "@/i18n";
import type { PlainKey } from "@/i18n/catalogue";
import { axisTexts } from "@/tools/axisText";
import type { PixelReading } from "@/viewport/contract";

interface PixelReadoutProps {
  readonly pixel: PixelReading;
  readonly dataset: Dataset;
}

export function PixelReadout({ pixel: { column, row, values, over }, dataset }: PixelReadoutProps) {
  const axes = axisTexts(readingAt(dataset, [column, row]), false);
  return (
    <span data-testid="pixel-readout" data-column={column} data-row={row} data-values={values?.join(" ")} data-over={over?.value}>
      {t("pixel.at", { column, row })} {values ? readingText(values, dataset) : t("pixel.none")}
      {axes.map((words) => ` · ${words}`)}
      {over && ` · ${text(over.dataset, Tag.Modality)} ${readingText([over.value], over.dataset)}`}
    </span>
  );
}

const SIGNIFICANT = 5;

/** As many decimals as make five digits: enough to tell measured values apart. */
function digitsFor(value: number): number {
  if (Number.isInteger(value)) return 0;
  return Math.max(0, Math.min(8, SIGNIFICANT - 1 - Math.floor(Math.log10(Math.abs(value)))));
}

/** Values with their unit, as they are read out. */
export function readingText(values: readonly number[], dataset: Dataset): string {
  const [value] = values;
  if (value === undefined) return "";
  if (values.length === 3) return `RGB ${values.join(" ")}`;
  const plain = `${n(value, digitsFor(value))} ${unitOf(dataset)}`.trim();
  if (text(dataset, Tag.Modality) !== "PT") return plain;
  const suv = suvFactor(dataset);
  if (suv.refused) return `${plain} · ${t("suv.none", { why: t(`suv.refused.${suv.refused}`) })}`;
  return `${plain} · SUVbw ${n(value * suv.factor, 2)}`;
}

const WARNINGS: Readonly<Partial<Record<SpacingBasis | "beyond" | "axes", { readonly whole: PlainKey; readonly short: PlainKey }>>> = {
  detector: { whole: "spacing.detector", short: "spacing.detector.short" },
  magnified: { whole: "spacing.magnified", short: "spacing.magnified.short" },
  none: { whole: "spacing.none", short: "spacing.none.short" },
  beyond: { whole: "spacing.beyond", short: "spacing.none.short" },
  axes: { whole: "spacing.axes", short: "spacing.axes.short" },
};

interface SpacingMarkProps {
  readonly dataset: Dataset;
  /** Beside other images, which mostly have the same to say. */
  readonly short: boolean;
}

/** A caution where distances are not those in the patient. */
export function SpacingMark({ dataset, short }: SpacingMarkProps) {
  const { basis } = spacingOf(dataset);
  const words = WARNINGS[(basis === "none" ? limitsOf(dataset) : undefined) ?? basis];
  return words === undefined ? null : (
    <span class="caution" data-testid="spacing-mark" data-basis={basis} title={t(words.whole)}>
      {t(short ? words.short : words.whole)}
    </span>
  );
}
