/** Beside the name of an open study that AI put ahead of others: a press tells what it said, and which service. */

import { t } from "@/i18n";
import type { Raised } from "@/model/urgency";
import { PriorityMark } from "@/triage/PriorityMark";
import { Popup } from "@/worklist/Popup";
import "@/triage/triageNote.css";

export function TriageNote({ raised }: { readonly raised: Raised | undefined }) {
  if (!raised) return null;
  return (
    <Popup
      name="triage"
      label={t("priority.ai")}
      icon="bell"
      class="triage-place"
      look="button triage-button"
      content={() => (
        <div class="triage-words" data-testid="triage-words">
          <PriorityMark study={raised} />
          <p class="muted">{t("priority.ai.explain", { source: raised.prioritySource })}</p>
        </div>
      )}
    />
  );
}
