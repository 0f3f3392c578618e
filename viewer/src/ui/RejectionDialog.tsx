/** Rejecting an image or a series of the study that is read, and the way back. */

import { useState } from "preact/hooks";

import type { Http } from "@/dicomweb/http";
import { counted, t } from "@/i18n";
import { formatMoment } from "@/i18n/format";
import { CODES, Deletions, EXPIRED, type Code, type Deletion, type Rejectable } from "@/model/deletions";
import type { Workspace } from "@/model/workspace";
import { SavingWords } from "@/ui/SaveMenu";
import { seriesTitle } from "@/ui/seriesTitle";
import { DeletionFrame } from "@/worklist/DeletionFrame";
import { REASONS } from "@/worklist/DeletionList";

interface RejectionDialogProps {
  readonly http: Http;
  readonly workspace: Workspace;
  readonly meant: Rejectable;
  /** Whether the reader may bring back what was deleted, too. */
  readonly restoresAll: boolean;
  close(): void;
}

/** The series by its name, with the place of the image in it where one is meant. */
function nameOf({ study }: Workspace, { seriesInstanceUid, sopInstanceUid = "" }: Pick<Deletion, "seriesInstanceUid"> & { readonly sopInstanceUid?: string | undefined }): string {
  const series = study.series.peek().find((one) => one.seriesInstanceUid === seriesInstanceUid);
  const frames = (series && study.library.known(series)?.content.peek().frames) ?? [];
  const uids = [...new Set(frames.map((frame) => frame.sopInstanceUid))];
  const index = uids.indexOf(sopInstanceUid) + 1;
  const image = sopInstanceUid === "" ? "" : index > 0 ? t("viewport.label", { index, total: uids.length }) : t("rejection.oneImage");
  return [series ? seriesTitle(series) : seriesInstanceUid && t("study.series"), image].filter((part) => part !== "").join(" · ");
}

/** How much goes: the objects of a series, the frames of an image. */
function sizeOf({ study }: Workspace, { seriesInstanceUid, sopInstanceUid }: Rejectable): string {
  const series = study.series.peek().find((one) => one.seriesInstanceUid === seriesInstanceUid);
  if (!series) return "";
  if (sopInstanceUid === undefined) return counted("study.objects", series.numberOfInstances);
  const frames = study.library.known(series)?.content.peek().frames.filter((frame) => frame.sopInstanceUid === sopInstanceUid).length ?? 1;
  return frames > 1 ? counted("study.frames", frames) : "";
}

export function RejectionDialog({ http, workspace, meant, restoresAll, close }: RejectionDialogProps) {
  const { study } = workspace;
  const [deletions] = useState(() => new Deletions(http, study.studyInstanceUid, restoresAll));
  const [done, setDone] = useState(false);
  const [busy, setBusy] = useState(false);
  const [words] = useState(() => [nameOf(workspace, meant), sizeOf(workspace, meant)].filter((part) => part !== "").join(" · "));
  const during = async (work: () => Promise<boolean>): Promise<boolean> => {
    setBusy(true);
    const taken = await work();
    study.touched(); // at once, wherever live updates are late
    setBusy(false);
    return taken;
  };
  const undoable = t(restoresAll ? "deletion.undoable" : "rejection.undoable");
  const heading = done ? undoable : t(meant.sopInstanceUid === undefined ? "rejection.ofSeries" : "rejection.ofImage");
  return (
    <DeletionFrame
      name="rejection"
      heading={heading}
      deletions={deletions}
      busy={busy}
      undoable={done ? "" : undoable}
      listsNothing={done}
      undecided={!done}
      nameOf={(one) => nameOf(workspace, one)}
      restore={(id) => void during(() => deletions.restore(id))}
      close={close}
    >
      {!done && (
        <>
          <p class="deletion-name" data-testid="rejection-meant">
            {words}
          </p>
          <Unsaved workspace={workspace} />
          <RejectionForm deletions={deletions} heading={heading} busy={busy} reject={async (code) => setDone(await during(() => deletions.reject(meant, code)))} />
        </>
      )}
    </DeletionFrame>
  );
}

interface RejectionFormProps {
  readonly deletions: Deletions;
  readonly heading: string;
  readonly busy: boolean;
  reject(code: Code): Promise<void>;
}

function RejectionForm({ deletions, heading, busy, reject }: RejectionFormProps) {
  const [code, setCode] = useState<Code | undefined>(undefined);
  const now = new Date();
  const until = code && deletions.keptUntil(code, now);
  return (
    <form
      class="deletion-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (code) void reject(code);
      }}
    >
      <div role="radiogroup" class="rejection-reasons" aria-label={t("rejection.reason")}>
        {CODES.map((one) => (
          <label key={one} class="rejection-reason">
            <input type="radio" name="code" data-testid={`rejection-${one}`} checked={code === one} onChange={() => setCode(one)} />
            {t(REASONS[one])}
          </label>
        ))}
      </div>
      <div class="caution" data-testid="rejection-explained">
        <p>{t(code === EXPIRED ? "rejection.explain.expired" : "rejection.explain")}</p>
        <p>
          {t("rejection.who")} {code && deletions.loaded.value && (until ? t("rejection.until", { when: formatMoment(until, now) }) : t("rejection.kept"))}
        </p>
      </div>
      <button type="submit" class="button deletion-do" data-testid="rejection-do" disabled={busy || code === undefined}>
        {heading}
      </button>
    </form>
  );
}

/** What lies on an image that is out of sight cannot be saved: who drew it may do so before. */
function Unsaved({ workspace }: { readonly workspace: Workspace }) {
  const { saving } = workspace;
  if (!saving.unsaved.value && saving.state.value.kind !== "failed") return null;
  const held = saving.state.value.kind === "held";
  return (
    <div class="rejection-unsaved" data-testid="rejection-unsaved">
      <p class="caution">{t("rejection.unsaved")}</p>
      <button type="button" class="button" data-testid="rejection-save" disabled={saving.state.value.kind === "saving"} onClick={() => void saving.save(held)}>
        {t(held ? "save.without" : "save.now")}
      </button>
      <SavingWords state={saving.state.value} />
    </div>
  );
}
