/** Merging two patients: both side by side, who stays, what it does and what cannot be called back, and the way back. */

import { useEffect, useState } from "preact/hooks";

import type { Http } from "@/dicomweb/http";
import { counted, t } from "@/i18n";
import { formatDate, formatMoment } from "@/i18n/format";
import { differ, isOne, Merging, type Merged, type Pair, type Party } from "@/model/merging";
import type { Worklist } from "@/model/worklist";
import { Dialog } from "@/ui/Dialog";
import { FailureNote } from "@/ui/FailureNote";
import { patientFacts } from "@/ui/patient";
import "@/worklist/deletion.css";

interface MergeDialogProps {
  readonly http: Http;
  readonly worklist: Worklist;
  /** A study of each of the two. */
  readonly studyInstanceUids: readonly [string, string];
  close(): void;
}

const REASON_LONGEST = 500;
const LISTED_MOST = 5;

export function MergeDialog({ http, worklist, studyInstanceUids, close }: MergeDialogProps) {
  const [merging] = useState(() => new Merging(http, studyInstanceUids));
  const [busy, setBusy] = useState(false);
  useEffect(() => void merging.load(), [merging]);
  const during = async (work: () => Promise<unknown>): Promise<void> => {
    setBusy(true);
    await work();
    worklist.refresh();
    setBusy(false);
  };
  const { pair, merged, failure, loaded } = merging;
  return (
    <Dialog label={t("merge.heading")} name="merge" close={close}>
      <h2>{t("merge.heading")}</h2>
      {failure.value && <FailureNote failure={failure.value} />}
      {!loaded.value && !failure.value && <p role="status">{t("app.loading")}</p>}
      {merged.value && <Done merged={merged.value} busy={busy} undo={(one) => void during(() => merging.undo(one))} />}
      {!merged.value && pair.value && isOne(pair.value) && <p data-testid="merge-one">{t("merge.one")}</p>}
      {!merged.value && pair.value && !isOne(pair.value) && (
        <MergeForm pair={pair.value} undoDays={merging.undoDays.value} busy={busy} merge={(gone, stays, reason) => void during(() => merging.merge(gone, stays, reason))} />
      )}
      <button type="button" class="button" data-testid="merge-close" onClick={close}>
        {t(merged.value ? "dialog.close" : "dialog.cancel")}
      </button>
    </Dialog>
  );
}

interface MergeFormProps {
  readonly pair: Pair;
  readonly undoDays: number;
  readonly busy: boolean;
  merge(gone: Party, stays: Party, reason: string): void;
}

function MergeForm({ pair, undoDays, busy, merge }: MergeFormProps) {
  const [chosen, setChosen] = useState<0 | 1 | undefined>(undefined);
  const [sure, setSure] = useState(false);
  const [reason, setReason] = useState("");
  const choose = (which: 0 | 1): void => {
    setChosen(which);
    setSure(false); // it was said of the other way round
  };
  const [stays, gone] = chosen === undefined ? [] : chosen === 0 ? pair : [pair[1], pair[0]];
  const ready = stays !== undefined && sure && reason.trim() !== "";
  return (
    <form
      class="deletion-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready && gone) merge(gone, stays, reason.trim());
      }}
    >
      <p>{t("merge.choose")}</p>
      <div class="merge-pair" role="radiogroup" aria-label={t("merge.choose")}>
        {pair.map((party, index) => {
          const which = index === 0 ? 0 : 1;
          return <PartyCard key={party.study.studyInstanceUid} party={party} chosen={chosen === which} choose={() => choose(which)} />;
        })}
      </div>
      {differ(pair) && (
        <p class="caution" role="alert" data-testid="merge-differ">
          {t("merge.differ")}
        </p>
      )}
      {stays && gone && (
        <div class="caution" data-testid="merge-explained">
          <p>{t("merge.explain", { gone: titleOf(gone), stays: titleOf(stays), studies: counted("worklist.count", gone.total) })}</p>
          <p>
            {undoDays > 0 ? counted("merge.undoDays", undoDays) : ""} {t("merge.forGood")}
          </p>
        </div>
      )}
      <label class="rejection-reason">
        <input type="checkbox" data-testid="merge-sure" checked={sure} disabled={!stays} onChange={(event) => setSure(event.currentTarget.checked)} />
        {t("merge.sure")}
      </label>
      <label class="field">
        <span>{t("deletion.reason")}</span>
        <input type="text" required maxLength={REASON_LONGEST} value={reason} data-testid="merge-reason" onInput={(event) => setReason(event.currentTarget.value)} />
      </label>
      <button type="submit" class="button deletion-do" data-testid="merge-do" disabled={busy || !ready}>
        {t("merge.do")}
      </button>
    </form>
  );
}

function titleOf({ study: { patientName, patientId } }: Party): string {
  return [patientName || t("patient.unnamed"), patientId && `(${patientId})`].filter((part) => part !== "").join(" ");
}

interface PartyCardProps {
  readonly party: Party;
  readonly chosen: boolean;
  choose(): void;
}

function PartyCard({ party: { study, studies, total }, chosen, choose }: PartyCardProps) {
  const { patientName, patientId, issuerOfPatientId, patientBirthDate, patientSex } = study;
  const known = patientFacts({ birthDate: patientBirthDate, sex: patientSex, studyDate: study.studyDate });
  return (
    <label class="merge-party" data-testid="merge-party">
      <span class="rejection-reason">
        <input type="radio" name="stays" data-testid="merge-stays" checked={chosen} disabled={patientId === ""} onChange={choose} />
        {t("merge.stays")}
      </span>
      <strong>{patientName || t("patient.unnamed")}</strong>
      <span>
        {t("patient.id")}: {patientId || t("correction.unknown")}
        {issuerOfPatientId && ` · ${issuerOfPatientId}`}
      </span>
      <span>{known || t("correction.unknown")}</span>
      {patientId === "" && <span class="muted">{t("merge.noId")}</span>}
      <span class="muted">{counted("worklist.count", total)}</span>
      {studies.slice(0, LISTED_MOST).map((one) => (
        <span key={one.studyInstanceUid} class="muted">
          {[formatDate(one.studyDate), one.modalities.join(", "), one.description].filter((part) => part !== "").join(" · ")}
        </span>
      ))}
      {total > LISTED_MOST && <span class="muted">…</span>}
    </label>
  );
}

interface DoneProps {
  readonly merged: Merged;
  readonly busy: boolean;
  undo(merged: Merged): void;
}

function Done({ merged, busy, undo }: DoneProps) {
  return (
    <div class="deletion-form" role="status" data-testid="merge-done">
      <p>{t("merge.done", { studies: counted("worklist.count", merged.studies) })}</p>
      <p class="muted">{[t("deletion.until", { when: formatMoment(merged.undoUntil, new Date()) }), t("merge.later")].join(" · ")}</p>
      <button type="button" class="button" data-testid="merge-undo" disabled={busy} onClick={() => undo(merged)}>
        {t("correction.undo")}
      </button>
    </div>
  );
}
