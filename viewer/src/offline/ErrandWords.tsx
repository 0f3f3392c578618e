/** What waits for the node, or was refused by it, in plain words. */

import { t } from "@/i18n";
import type { PlainKey } from "@/i18n/catalogue";
import { record } from "@/model/decode";
import type { Errand, ErrandKind } from "@/offline/errands";

const WORDS: Readonly<Record<Exclude<ErrandKind, "reading">, PlainKey>> = { measurements: "offline.measurements", "key-images": "card.keyObjects", "presentation-states": "offline.display" };
/** What the study shows of it, where it is no object yet. */
const DRAWN: ReadonlySet<ErrandKind> = new Set(["measurements", "key-images"]);

export function errandWords({ kind, body }: Errand): string {
  if (kind !== "reading") return t(WORDS[kind]);
  return t(record(body)["deed"] === "mark_unread" ? "reading.markUnread" : "reading.markRead");
}

/** Why the node did not take it. */
export function refusalWords(errand: Errand): string {
  const what = errandWords(errand);
  if (errand.refusal?.by) return t("offline.meanwhile", { what, by: errand.refusal.by });
  return t(DRAWN.has(errand.kind) ? "offline.refused.drawn" : "offline.refused", { what });
}
