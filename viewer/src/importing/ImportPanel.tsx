/** The import as the reader sees it: where files are chosen, how far it is, what was refused and why, what came of it. */

import { useEffect, useRef, useState } from "preact/hooks";

import { counted, n, t } from "@/i18n";
import type { PlainKey } from "@/i18n/catalogue";
import { formatDate } from "@/i18n/format";
import { chosen, type Kind } from "@/importing/files";
import type { Fate, FileRow, Imports } from "@/importing/imports";
import "@/importing/import.css";
import { isTouchOnly } from "@/model/device";
import { studyLink } from "@/model/route";
import { NodeWords } from "@/ui/NodeWords";
import { Icon } from "@/ui/icons";
import { codeWords, nodeWords, storeRefusal } from "@/ui/refusals";
import { useLayer } from "@/ui/useLayer";

interface PanelProps {
  readonly imports: Imports;
}

export function ImportPanel({ imports }: PanelProps) {
  const [small, setSmall] = useState(false);
  const open = imports.open.value;
  const leave = (): void => (imports.isBusy ? setSmall(true) : imports.discard());
  useEffect(() => (open ? onEscape(leave) : undefined), [open, imports]);
  useLayer(open && !small, leave);
  if (!open) return null;
  const busy = imports.isBusy;
  return (
    <section class={small ? "import import-small" : "import"} aria-label={t("import.heading")} data-testid="import-panel">
      <header class="import-head">
        <h2>{t("import.heading")}</h2>
        <span class="spacer" />
        <button type="button" class="button quiet" aria-expanded={!small} onClick={() => setSmall(!small)}>
          {t(small ? "import.more" : "import.less")}
        </button>
        {!busy && (
          <button type="button" class="button quiet" data-testid="import-close" onClick={() => imports.discard()}>
            {t("dialog.close")}
          </button>
        )}
      </header>
      <Overall imports={imports} busy={busy} />
      {!small && (
        <div class="import-body">
          <Interrupted imports={imports} />
          <Choose imports={imports} />
          <Studies imports={imports} />
          <Files imports={imports} />
        </div>
      )}
    </section>
  );
}

/** What stands over the list keeps its own Escape, and so does a field with something in it. */
function onEscape(done: () => void): () => void {
  const onKey = (event: KeyboardEvent): void => {
    const { target } = event;
    const own = target instanceof Element && target.closest("dialog, [role=menu], .popup-place, select, input:not([type=file])") !== null;
    if (event.key === "Escape" && !event.defaultPrevented && !own) done();
  };
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}

function Overall({ imports, busy }: PanelProps & { readonly busy: boolean }) {
  if (imports.rows.length === 0 && imports.looking.value === 0) return null;
  const counts = imports.counts();
  const { sent, total } = imports.bytes;
  const settled = counts.stored + counts.known + counts.failed + counts.leftOut + counts.notNeeded;
  const words = [
    counts.stored > 0 ? counted("import.stored", counts.stored) : "",
    counts.known > 0 ? counted("import.known", counts.known) : "",
    counts.failed > 0 ? counted("import.failed", counts.failed) : "",
    counts.leftOut > 0 ? counted("import.leftOut", counts.leftOut) : "",
  ].filter((part) => part !== "");
  return (
    <div class="import-overall">
      {busy && <progress max={Math.max(total, 1)} value={sent} aria-label={t("import.heading")} />}
      <p role="status" data-testid="import-state" data-state={busy ? (imports.paused.value ? "paused" : "busy") : "done"}>
        {busy
          ? t("import.progress", { done: settled, files: imports.rows.length, sent: n(sent / 1e6, 1), total: n(total / 1e6, 1) })
          : t(counts.failed > 0 ? "import.doneButRefused" : "import.done")}
      </p>
      {words.length > 0 && (
        <p class="muted" data-testid="import-counts">
          {words.join(" · ")}
        </p>
      )}
      {busy && <Stopped imports={imports} />}
      <div class="import-actions">
        {busy && !imports.paused.value && (
          <button type="button" class="button" data-testid="import-pause" onClick={() => imports.pause()}>
            {t("import.pause")}
          </button>
        )}
        {busy && imports.paused.value && (
          <button type="button" class="button primary" data-testid="import-resume" onClick={() => imports.resume()}>
            {t("import.resume")}
          </button>
        )}
        {busy && (
          <button type="button" class="button" data-testid="import-cancel" onClick={() => imports.discard()}>
            {t("import.cancel")}
          </button>
        )}
        {!busy && imports.mayRetry && (
          <button type="button" class="button" data-testid="import-retry" onClick={() => imports.retry()}>
            {t("failure.retry")}
          </button>
        )}
      </div>
    </div>
  );
}

function Stopped({ imports }: PanelProps) {
  const { stopped } = imports;
  if (!stopped || imports.paused.value) return null;
  return (
    <div class="import-stopped" role="alert" data-testid="import-offline">
      {stopped.status === 0 ? t("import.offline") : [codeWords(stopped.code), t("import.trying")].filter(Boolean).join(" ")}
      <NodeWords words={nodeWords(stopped)} />
    </div>
  );
}

function Interrupted({ imports }: PanelProps) {
  const left = imports.interrupted.value;
  if (!left) return null;
  return (
    <div class="note" role="status" data-testid="import-interrupted">
      <Icon name="warning" />
      <div>
        <p class="note-title">{counted("import.interrupted", left.files)}</p>
        <p class="muted">{t("import.interrupted.hint")}</p>
        <button type="button" class="button" onClick={() => imports.discard()}>
          {t("import.giveUp")}
        </button>
      </div>
    </div>
  );
}

function Choose({ imports }: PanelProps) {
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const take = (field: HTMLInputElement): void => {
    if (field.files && field.files.length > 0) void imports.add(chosen(field.files));
    field.value = ""; // so that the same files can be chosen again
  };
  return (
    <div class="import-choose">
      <button type="button" class="button" onClick={() => files.current?.click()}>
        <Icon name="document" />
        {t("import.files")}
      </button>
      {"webkitdirectory" in HTMLInputElement.prototype && (
        <button type="button" class="button" onClick={() => folder.current?.click()}>
          <Icon name="layout" />
          {t("import.folder")}
        </button>
      )}
      <input ref={files} type="file" multiple hidden data-testid="import-files" onChange={(event) => take(event.currentTarget)} />
      <input
        ref={folder}
        type="file"
        multiple
        hidden
        {...{ webkitdirectory: true } /* Preact sets the property, and "" would be false */}
        data-testid="import-folder"
        onChange={(event) => take(event.currentTarget)}
      />
      <p class="muted">
        {t("import.hint")} {!isTouchOnly() && t("import.hint.drop")}
      </p>
    </div>
  );
}

function Studies({ imports }: PanelProps) {
  if (imports.studies.length === 0) return null;
  return (
    <div>
      <h3>{t("import.studies")}</h3>
      <ul class="import-studies">
        {imports.studies.map((study) => (
          <li key={study.studyInstanceUid}>
            <a href={studyLink(study.studyInstanceUid)} data-testid="import-study">
              {study.patientName || t("patient.unnamed")}
            </a>{" "}
            <span class="muted">
              {[formatDate(study.date), study.description, counted("import.objects", study.objects)]
                .filter((part) => part !== "")
                .join(" · ")}
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** What the eye looks for first stands first. */
const ORDER: readonly Fate[] = ["failed", "sending", "takingIn", "leftOut", "waiting", "known", "notNeeded", "stored"];
const SHOWN_MOST = 200;

function Files({ imports }: PanelProps) {
  const rows = imports.rows.toSorted((one, other) => ORDER.indexOf(one.fate) - ORDER.indexOf(other.fate));
  if (rows.length === 0) return null;
  return (
    <details class="import-files" open={imports.counts().failed > 0}>
      <summary>{counted("import.list", rows.length)}</summary>
      <ul>
        {rows.slice(0, SHOWN_MOST).map((row) => (
          // a row changes in itself, so that its line is told by a key that another has come of it
          <FileLine key={`${row.path} ${row.fate}`} row={row} imports={imports} />
        ))}
      </ul>
      {rows.length > SHOWN_MOST && <p class="muted">{t("import.list.most", { count: SHOWN_MOST })}</p>}
    </details>
  );
}

const FATES: Readonly<Record<Fate, PlainKey>> = {
  waiting: "import.fate.waiting",
  sending: "import.fate.sending",
  takingIn: "import.fate.takingIn",
  stored: "import.fate.stored",
  known: "import.fate.known",
  failed: "import.fate.failed",
  leftOut: "import.fate.leftOut",
  notNeeded: "import.fate.notNeeded",
};

const KINDS: Readonly<Partial<Record<Kind, PlainKey>>> = {
  dicomdir: "import.why.dicomdir",
  archive: "import.why.archive",
  empty: "import.why.empty",
  other: "import.why.other",
};

function leftOutWords(kind: Kind | undefined): string | undefined {
  const key = kind && KINDS[kind];
  return key && t(key);
}

function FileLine({ row, imports }: PanelProps & { readonly row: FileRow }) {
  const progress = row.fate === "sending" ? imports.progress(row) : undefined;
  const isWithout = row.fate === "leftOut" || row.fate === "notNeeded";
  const why = isWithout ? leftOutWords(row.kind) : row.fate === "failed" ? (storeRefusal(row.reason ?? 0) ?? t("failure.server")) : undefined;
  return (
    <li class={`import-file fate-${row.fate}`} data-testid="import-file" data-fate={row.fate}>
      <span class="import-path">{row.path}</span>
      <span class="import-fate">
        {progress === undefined ? t(FATES[row.fate]) : <progress max={1} value={progress} aria-label={row.path} />}
      </span>
      {why && (
        <span class="import-why">
          {why}
          {row.fate === "failed" && <NodeWords words={row.words ?? ""} />}
        </span>
      )}
    </li>
  );
}
