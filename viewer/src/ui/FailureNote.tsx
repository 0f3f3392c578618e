/** A failure in plain words: what happened, what to do, and a way to try again. */

import { isOutOfReach, type Failure } from "@/dicomweb/http";
import { reachable } from "@/dicomweb/reach";
import { t } from "@/i18n";
import type { PlainKey } from "@/i18n/catalogue";
import { Icon } from "@/ui/icons";

const MESSAGES: Readonly<Record<number, PlainKey>> = {
  0: "failure.network",
  403: "failure.forbidden",
  404: "failure.notFound",
  429: "failure.busy",
  503: "failure.busy",
  507: "failure.busy",
};

const FORBIDDEN = 403;

/** The failure's main sentence in the language of the screen. */
export function failureMessage(failure: Failure): string {
  return t(MESSAGES[failure.status] ?? "failure.server");
}

interface FailureNoteProps {
  readonly failure: Failure;
  readonly retry?: () => void;
}

export function FailureNote({ failure, retry }: FailureNoteProps) {
  const said = failure.status === FORBIDDEN ? t("failure.forbidden.hint") : [failure.message, failure.hint].filter((text) => text !== "").join(" — ");
  const absent = isOutOfReach(failure);
  const detail = said || (absent ? t(reachable.value ? "failure.network.hint" : "offline.notHere") : "");
  return (
    <div class="note failure" role="alert">
      <Icon name="warning" />
      <div>
        <p class="note-title">{absent && !reachable.value ? t("offline.elsewhere") : failureMessage(failure)}</p>
        {detail && <p class="muted">{detail}</p>}
        {retry && (
          <button type="button" class="button" onClick={retry}>
            {t("failure.retry")}
          </button>
        )}
      </div>
    </div>
  );
}
