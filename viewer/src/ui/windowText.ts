/** A window in words: width and centre, or of PET the uptake from which to which. */

import type { Dataset } from "@/dicomweb/json";
import { suvFactor } from "@/dicomweb/suv";
import { n, t } from "@/i18n";
import { NARROWEST, type Window } from "@/tools/presets";

const WHOLE_FROM = 10;
const DECIMALS_MAX = 6;

/** Whole numbers, or decimals that tell the values between its ends apart: these are its width less one (PS3.3 C.11.2.1.2.1). */
function digitsFor(width: number): number {
  const between = width > 1 ? width - 1 : width;
  if (width >= WHOLE_FROM || !(between > 0)) return 0;
  return Math.min(DECIMALS_MAX, 2 - Math.floor(Math.log10(between)));
}

/** What `widened` gave its ends, so that they differ at all. */
function isStep({ width, center }: Window): boolean {
  return width > 1 && width - 1 <= 2 * NARROWEST * Math.max(1, Math.abs(center));
}

export function windowText(window: Window, dataset: Dataset): string {
  const { factor } = suvFactor(dataset);
  const { center } = window;
  const width = isStep(window) ? 1 : window.width;
  const digits = width === 1 ? 1 : digitsFor(width);
  if (factor === undefined) return t("viewport.window", { width: n(width, digits), center: n(center, digits) });
  const [low, high] = [center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2]; // PS3.3 C.11.2.1.2.1 backwards
  return `SUV ${n(low * factor, 1)}–${n(high * factor, 1)}`;
}
