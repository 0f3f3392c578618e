/** What was deleted and rejected, and the way back. */

import { counted, t } from "@/i18n";
import type { PlainKey } from "@/i18n/catalogue";
import { formatMoment } from "@/i18n/format";
import { CODES, type Code, type Deletion, type Deletions } from "@/model/deletions";
import "@/worklist/deletion.css";

export const REASONS: Readonly<Record<Code, PlainKey>> = {
  "113001": "rejection.quality",
  "113037": "rejection.safety",
  "113038": "rejection.worklist",
  "113039": "rejection.expired",
};

interface DeletionListProps {
  readonly deletions: Deletions;
  /** What one is called. */
  name(deletion: Deletion): string;
  readonly busy: boolean;
  restore(id: string): void;
}

export function DeletionList({ deletions, name, busy, restore }: DeletionListProps) {
  return (
    <>
      {deletions.loaded.value && deletions.open.value.length === 0 && <p class="muted">{t("deletion.nothing")}</p>}
      <ul class="deletion-list">
        {deletions.open.value.map((one) => (
          <li key={one.id} data-testid="deletion-entry">
            <DeletionWords deletion={one} name={name(one)} />
            <button type="button" class="button" data-testid="deletion-restore" disabled={busy} onClick={() => restore(one.id)}>
              {t("deletion.restore")}
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

function reasonFor({ code, reason }: Deletion): string {
  const known = CODES.find((one) => one === code);
  return known ? t(REASONS[known]) : reason;
}

function DeletionWords({ deletion, name }: { readonly deletion: Deletion; readonly name: string }) {
  const { by, at, undoUntil, isRejection } = deletion;
  const instances = isRejection ? Math.max(1, deletion.instances - 1) : deletion.instances; // the note itself goes with them
  const now = new Date();
  return (
    <div>
      <p class="deletion-name">{name}</p>
      <p>{reasonFor(deletion)}</p>
      <p class="muted">
        {[formatMoment(at, now), by, counted("study.objects", instances), undoUntil && t("deletion.until", { when: formatMoment(undoUntil, now) })]
          .filter((part) => part !== "")
          .join(" · ")}
      </p>
    </div>
  );
}
