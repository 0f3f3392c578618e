/** What a series is called on the screen. */

import type { SeriesSummary } from "@/dicomweb/client";
import { t } from "@/i18n";
import type { PlainKey } from "@/i18n/catalogue";
import { isNoPicture } from "@/model/study";
import { objectKind } from "@/ui/objectKinds";

/** What the node writes into the objects that it makes, which stays as it is, and its words for readers. */
const OWN: Readonly<Record<string, PlainKey>> = {
  Measurements: "series.own.measurements",
  "Key images": "card.keyObjects",
  "Display states": "save.displays",
};

/** Its description, else its body part, else what it is or its number. */
export function seriesTitle({ description, bodyPart, seriesNumber, modality, own = false }: SeriesSummary): string {
  const word = own ? OWN[description] : undefined;
  if (word !== undefined) return t(word);
  if (description || bodyPart) return description || bodyPart;
  if (isNoPicture(modality)) return t(objectKind("", modality).label);
  return seriesNumber === undefined ? t("study.untitled") : t("study.series.untitled", { number: seriesNumber });
}
