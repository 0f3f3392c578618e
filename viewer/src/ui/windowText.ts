/** A window in words: width and centre, or of PET the uptake from which to which. */

import type { Dataset } from "@/dicomweb/json";
import { suvFactor } from "@/dicomweb/suv";
import { n, t } from "@/i18n";
import type { Window } from "@/tools/presets";

export function windowText({ width, center }: Window, dataset: Dataset, digits: number): string {
  const { factor } = suvFactor(dataset);
  if (factor === undefined) return t("viewport.window", { width: n(width, digits), center: n(center, digits) });
  const [low, high] = [center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2]; // PS3.3 C.11.2.1.2.1 backwards
  return `SUV ${n(low * factor, 1)}–${n(high * factor, 1)}`;
}
