/** What a device may be allowed, in words. */

import { isMessage, t } from "@/i18n";

/** The node's own name where the catalogue has no word for it. */
export function verbWord(verb: string): string {
  const key = `devices.verb.${verb}`;
  return isMessage(key) ? t(key) : verb;
}
