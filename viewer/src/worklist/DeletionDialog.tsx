/** Taking the selected studies out of sight, with a reason; and what can be brought back. */

import { useState } from "preact/hooks";

import type { Http } from "@/dicomweb/http";
import { counted, t } from "@/i18n";
import { Deletions } from "@/model/deletions";
import type { Worklist } from "@/model/worklist";
import { DeletionFrame } from "@/worklist/DeletionFrame";

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
    <DeletionFrame
      name="deletion"
      heading={heading}
      deletions={deletions}
      busy={busy}
      undoable={deletes ? t("deletion.undoable") : ""}
      listsNothing
      undecided={false}
      nameOf={({ studyInstanceUid }) => names.get(studyInstanceUid) || studyInstanceUid}
      restore={(id) => void during(() => deletions.restore(id))}
      close={close}
    >
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
    </DeletionFrame>
  );
}
