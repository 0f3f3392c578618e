/** Whether a study is unread, being read or read, and who says so. */

import { t } from "@/i18n";
import type { PlainKey } from "@/i18n/catalogue";
import { formatMoment } from "@/i18n/format";
import type { Reading } from "@/model/worklistStudy";

const WORDS: Readonly<Record<Reading["state"], PlainKey>> = {
  unread: "reading.unread",
  reading: "reading.reading",
  read: "reading.read",
};

/** The state, who it is of and since when. */
export function readingWords({ state, by, at }: Reading): string {
  return [t(WORDS[state]), by, at && formatMoment(at, new Date())].filter((part) => part !== "").join(" · ");
}

export function ReadingMark({ reading }: { readonly reading: Reading }) {
  const { state, by, at } = reading;
  const who = [by, at && formatMoment(at, new Date())].filter((part) => part !== "").join(" · ");
  return (
    <span class={`reading-mark reading-${state}`} data-testid="reading" data-state={state} data-by={by} title={readingWords(reading)}>
      <span class="reading-words">
        <span>{t(WORDS[state])}</span>
        {who !== "" && <span class="muted">{who}</span>}
      </span>
    </span>
  );
}
