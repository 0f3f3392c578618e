/** Whose the open study is to read, and the button that says it has been read. */

import { t } from "@/i18n";
import type { Deed, Holding } from "@/model/holding";
import { Icon } from "@/ui/icons";
import { failureMessage } from "@/ui/refusals";
import { ReadingMark } from "@/worklist/ReadingMark";

export function ReadingControl({ holding }: { readonly holding: Holding }) {
  const reading = holding.shown.value;
  if (!reading) return null;
  if (holding.waiting.value) return <WaitingDeed holding={holding} deed={holding.waiting.value} />;
  const others = reading.state === "reading" && reading.by !== holding.user;
  return (
    <span class="reading-control" data-testid="reading-control">
      {(others || reading.state === "read") && <ReadingMark reading={reading} />}
      {others && (
        <button type="button" class="button" data-testid="take-over" onClick={() => void holding.ask("take_over")}>
          {t("reading.takeOver")}
        </button>
      )}
      {!others && reading.state !== "read" && (
        <button type="button" class="button" data-testid="mark-read" title={t("reading.markRead")} onClick={() => void holding.ask("mark_read")}>
          <Icon name="select" />
          <span class="user-name">{t("reading.markRead")}</span>
        </button>
      )}
      {holding.refused.value && (
        <span class="saving-notice reading-refused" role="alert" data-testid="reading-refused">
          <span class="caution">
            {t("reading.refused")} {failureMessage(holding.refused.value)}
          </span>
          <button type="button" class="button quiet" onClick={() => (holding.refused.value = undefined)}>
            {t("dialog.close")}
          </button>
        </span>
      )}
      {reading.state === "read" && (
        <button type="button" class="button quiet" data-testid="mark-unread" title={t("reading.markUnread")} onClick={() => void holding.ask("mark_unread")}>
          <Icon name="undo" />
          <span class="hidden-label">{t("reading.markUnread")}</span>
        </button>
      )}
    </span>
  );
}

/** What was said without the node: it can be taken back until it is sent. */
function WaitingDeed({ holding, deed }: { readonly holding: Holding; readonly deed: Deed }) {
  const [state, opposite, words] = deed === "mark_read" ? (["read", "mark_unread", t("reading.markUnread")] as const) : (["unread", "mark_read", t("reading.markRead")] as const);
  return (
    <span class="reading-control" data-testid="reading-control">
      <span class="reading-waits" role="status" data-testid="reading-waits" data-deed={deed} title={t("offline.sentLater")}>
        <ReadingMark reading={{ state, by: holding.user, at: "", until: "" }} />
        <span class="caution reading-later">{t("offline.sentLater")}</span>
      </span>
      <button type="button" class="button quiet" data-testid={opposite === "mark_unread" ? "mark-unread" : "mark-read"} title={words} onClick={() => void holding.ask(opposite)}>
        <Icon name="undo" />
        <span class="hidden-label">{words}</span>
      </button>
    </span>
  );
}
