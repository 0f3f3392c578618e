/** Taking the selected studies out of sight, with a reason; and what can be brought back. */

import { useEffect, useState } from "preact/hooks";

import type { Http } from "@/dicomweb/http";
import { counted, t } from "@/i18n";
import { Deletions } from "@/model/deletions";
import type { Worklist } from "@/model/worklist";
import { Dialog } from "@/ui/Dialog";
import { FailureNote } from "@/ui/FailureNote";
import { DeletionList } from "@/worklist/DeletionList";
import "@/worklist/deletion.css";

interface DeletionDialogProps {
  readonly http: Http;
  readonly worklist: Worklist;
  /** Whether the reader may delete; else they bring back what was rejected. */
  readonly deletes: boolean;
  close(): void;
}

const REASON_LONGEST = 500;

export function DeletionDialog({ http, worklist, deletes, close }: DeletionDialogProps) {
  const [deletions] = useState(() => new Deletions(http, "", deletes));
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  useEffect(() => void deletions.load(), [deletions]);
  const [names] = useState(() => new Map(worklist.studies.peek().map((study) => [study.studyInstanceUid, [study.patientName, study.patientId].filter((part) => part !== "").join(" · ")])));
  const heading = t(deletes ? "deletion.heading" : "rejection.undoable");
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
    <Dialog label={heading} name="deletion" close={close}>
      <h2>{heading}</h2>
      {deletions.failure.value && <FailureNote failure={deletions.failure.value} />}
      {deletes && selected.length > 0 && (
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
      {deletes && <h3>{t("deletion.undoable")}</h3>}
      <DeletionList deletions={deletions} name={({ studyInstanceUid }) => names.get(studyInstanceUid) || studyInstanceUid} busy={busy} restore={(id) => void during(() => deletions.restore(id))} />
      <button type="button" class="button" data-testid="deletion-close" onClick={close}>
        {t("dialog.close")}
      </button>
    </Dialog>
  );
}
