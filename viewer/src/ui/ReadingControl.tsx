/** Whose the open study is to read, and the button that says it has been read. */

import { t } from "@/i18n";
import type { Holding } from "@/model/holding";
import { Icon } from "@/ui/icons";
import { failureMessage } from "@/ui/FailureNote";
import { ReadingMark } from "@/worklist/ReadingMark";

export function ReadingControl({ holding }: { readonly holding: Holding }) {
  const reading = holding.reading.value;
  if (!reading) return null;
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
