/** Taking the selected studies out of sight, with a reason; and the list of what can be brought back. */

import { useEffect, useState } from "preact/hooks";

import type { Http } from "@/dicomweb/http";
import { counted, t } from "@/i18n";
import { formatMoment } from "@/i18n/format";
import { Deletions, type Deletion } from "@/model/deletions";
import type { Worklist } from "@/model/worklist";
import { Dialog } from "@/ui/Dialog";
import { FailureNote } from "@/ui/FailureNote";
import "@/worklist/deletion.css";

interface DeletionDialogProps {
  readonly http: Http;
  readonly worklist: Worklist;
  close(): void;
}

const REASON_LONGEST = 500;

export function DeletionDialog({ http, worklist, close }: DeletionDialogProps) {
  const [deletions] = useState(() => new Deletions(http));
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  useEffect(() => void deletions.load(), [deletions]);
  const [names] = useState(() => new Map(worklist.studies.peek().map((study) => [study.studyInstanceUid, [study.patientName, study.patientId].filter((part) => part !== "").join(" · ")])));
  const selected = [...(worklist.selection.value ?? [])];
  const during = async (work: () => Promise<unknown>): Promise<void> => {
    setBusy(true);
    await work();
    worklist.refresh();
    setBusy(false);
  };
  const remove = (): Promise<void> =>
    during(async () => {
      const gone = new Set(await deletions.delete(selected, reason.trim()));
      worklist.selection.value = new Set(selected.filter((uid) => !gone.has(uid)));
      if (gone.size > 0) setReason("");
    });
  return (
    <Dialog label={t("deletion.heading")} name="deletion" close={close}>
      <h2>{t("deletion.heading")}</h2>
      {deletions.failure.value && <FailureNote failure={deletions.failure.value} />}
      {selected.length > 0 && (
        <form
          class="deletion-form"
          onSubmit={(event) => {
            event.preventDefault();
            if (reason.trim() !== "") void remove();
          }}
        >
          <ul data-testid="deletion-selected">
            {selected.map((uid) => (
              <li key={uid}>{names.get(uid) ?? uid}</li>
            ))}
          </ul>
          <p class="caution">{t("deletion.explain")}</p>
          <label class="field">
            <span>{t("deletion.reason")}</span>
            <input
              type="text"
              required
              maxLength={REASON_LONGEST}
              value={reason}
              data-testid="deletion-reason"
              onInput={(event) => setReason(event.currentTarget.value)}
            />
          </label>
          <button type="submit" class="button deletion-do" data-testid="deletion-do" disabled={busy || reason.trim() === ""}>
            {counted("deletion.do", selected.length)}
          </button>
        </form>
      )}
      <h3>{t("deletion.undoable")}</h3>
      {deletions.loaded.value && deletions.open.value.length === 0 && <p class="muted">{t("deletion.nothing")}</p>}
      <ul class="deletion-list">
        {deletions.open.value.map((one) => (
          <li key={one.id} data-testid="deletion-entry">
            <DeletionWords deletion={one} name={names.get(one.studyInstanceUid)} />
            <button
              type="button"
              class="button"
              data-testid="deletion-restore"
              disabled={busy}
              onClick={() => void during(() => deletions.restore(one.id))}
            >
              {t("deletion.restore")}
            </button>
          </li>
        ))}
      </ul>
      <button type="button" class="button" data-testid="deletion-close" onClick={close}>
        {t("dialog.close")}
      </button>
    </Dialog>
  );
}

function DeletionWords({ deletion, name }: { readonly deletion: Deletion; readonly name: string | undefined }) {
  const { studyInstanceUid, reason, by, instances, at, undoUntil } = deletion;
  const now = new Date();
  return (
    <div>
      <p class="deletion-name">{name || studyInstanceUid}</p>
      <p>{reason}</p>
      <p class="muted">
        {[formatMoment(at, now), by, counted("study.objects", instances), undoUntil && t("deletion.until", { when: formatMoment(undoUntil, now) })]
          .filter((part) => part !== "")
          .join(" · ")}
      </p>
    </div>
  );
}
