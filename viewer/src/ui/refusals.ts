/** What the node or the network refused, in the reader's language: by its code, else by its status. */

import { isOutOfReach, type Failure } from "@/dicomweb/http";
import { reachable } from "@/dicomweb/reach";
import { isMessage, t } from "@/i18n";
import type { PlainKey } from "@/i18n/catalogue";

const BY_STATUS: Readonly<Record<number, PlainKey>> = {
  0: "failure.network",
  400: "failure.request",
  403: "failure.forbidden",
  404: "failure.notFound",
  405: "failure.request",
  406: "failure.unreadable",
  408: "failure.network",
  409: "failure.changed",
  410: "failure.gone",
  411: "failure.request",
  413: "failure.tooLarge",
  415: "failure.request",
  421: "refusal.other_host",
  422: "failure.unreadable",
  429: "failure.busy",
  502: "failure.network",
  503: "failure.busy",
  504: "failure.network",
  507: "failure.room",
};

/** PS3.18 I.2.2. */
const OF_STORING: Readonly<Record<number, PlainKey>> = {
  0x0110: "import.why.node",
  0x0122: "import.why.kind",
  0x0124: "import.why.forbidden",
  0xa700: "import.why.room",
  0xa900: "import.why.mismatch",
  0xc000: "import.why.broken",
  0xc122: "import.why.syntax",
};

const FORBIDDEN = 403;
const NOT_NOW = 503;

/** The words for a code of the node; undefined for one that the catalogue does not have. */
export function codeWords(code: string): string | undefined {
  const key = `refusal.${code}`;
  return isMessage(key) ? t(key) : undefined;
}

/** The refusal's main sentence. */
export function failureMessage(failure: Failure): string {
  const said = codeWords(failure.code);
  if (said !== undefined) return said;
  if (isOutOfReach(failure) && !reachable.value) return t("offline.elsewhere");
  if (failure.status === NOT_NOW && failure.code !== "") return t("failure.trouble"); // disk, index or database
  return t(BY_STATUS[failure.status] ?? "failure.server");
}

/** What can be done about it; "" where the main sentence says it. */
export function failureHint(failure: Failure): string {
  if (failure.status === FORBIDDEN) return codeWords(failure.code) === undefined ? t("failure.forbidden.hint") : "";
  if (isOutOfReach(failure)) return t(reachable.value ? "failure.network.hint" : "offline.notHere");
  return "";
}

/** What the node said of it in its own English, for who looks after it; "" where the reader's language says as much. */
export function nodeWords(failure: Failure): string {
  if (failure.status === FORBIDDEN || codeWords(failure.code) !== undefined) return "";
  return [failure.message, failure.hint].filter((text) => text !== "").join(" — ");
}

/** What is wrong in a field of the form that the node did not take; "" for nothing. */
export function fieldMistake(failure: Failure | undefined, field: string): string {
  const code = failure?.fields[field];
  return code === undefined ? "" : (codeWords(code) ?? t("refusal.value_wrong"));
}

/** Why an object was not stored, by the status of its C-STORE or STOW; undefined for a status that has no words. */
export function storeRefusal(status: number): string | undefined {
  const key = OF_STORING[status];
  return key && t(key);
}
