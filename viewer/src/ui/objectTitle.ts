/** What an object that is read is called on the screen. */

import { documentForm } from "@/dicomweb/documents";
import { Tag, text, type Dataset } from "@/dicomweb/json";
import { reportTree } from "@/dicomweb/report";
import { t } from "@/i18n";
import { KINDS, objectKind, type ObjectKind } from "@/ui/objectKinds";

/** What it calls itself, else what it is. */
export function objectTitle(dataset: Dataset): string {
  return text(dataset, Tag.DocumentTitle) || reportTree(dataset)?.name || t(kindOfObject(dataset).label);
}

export function kindOfObject(dataset: Dataset): ObjectKind {
  if (documentForm(dataset) === "video") return KINDS.video; // of whatever class
  return objectKind(text(dataset, Tag.SOPClassUID), text(dataset, Tag.Modality));
}
