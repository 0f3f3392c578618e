/** What can be done with the studies that were selected. */

import { useState } from "preact/hooks";

import { Failure } from "@/dicomweb/http";
import { counted, t } from "@/i18n";
import type { App } from "@/model/app";
import { exportLink } from "@/model/route";
import { Icon } from "@/ui/icons";
import { LazyCorrection, LazyDeletion, LazyMerge } from "@/worklist/lazyDialogs";

/** So many studies the node puts into one file. */
const EXPORTED_MOST = 100;

async function markRead(app: App, studyInstanceUids: Iterable<string>): Promise<void> {
  try {
    await app.mark(studyInstanceUids, "mark_read");
    app.worklist.selection.value = undefined;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    app.worklist.failure.value = error;
  }
}

export function SelectionBar({ app }: { readonly app: App }) {
  const { worklist } = app;
  const [deleting, setDeleting] = useState(false);
  const [correcting, setCorrecting] = useState<string | undefined>();
  const [merging, setMerging] = useState<readonly [string, string] | undefined>();
  const selection = worklist.selection.value;
  if (!selection) return null;
  const { size } = selection;
  const [first, second] = selection;
  const only = size === 1 ? first : undefined;
  return (
    <div class="selection-bar" data-testid="selection-bar">
      <span role="status">{size === 0 ? t("worklist.select.hint") : counted("worklist.selected", size)}</span>
      <span class="spacer" />
      {size > 0 && size <= EXPORTED_MOST && app.session.exports.value && (
        <a class="button" href={exportLink(selection)} download data-testid="export-selected" title={t("export.selected")}>
          <Icon name="download" />
          <span>ZIP</span>
          <span class="hidden-label">{t("export.selected")}</span>
        </a>
      )}
      {size > 0 && app.session.reports.value && (
        <button type="button" class="button" data-testid="selection-read" onClick={() => void markRead(app, selection)}>
          {t("reading.markRead")}
        </button>
      )}
      {size > EXPORTED_MOST && <span class="muted">{t("export.tooMany", { count: EXPORTED_MOST })}</span>}
      {only !== undefined && app.session.corrects.value && (
        <button type="button" class="button" data-testid="selection-correct" onClick={() => setCorrecting(only)}>
          {t("correction.open")}
        </button>
      )}
      {size === 2 && first !== undefined && second !== undefined && app.session.merges.value && (
        <button type="button" class="button" data-testid="selection-merge" onClick={() => setMerging([first, second])}>
          {t("merge.open")}
        </button>
      )}
      {app.session.rejects.value && (
        <button type="button" class="button" data-testid="selection-delete" onClick={() => setDeleting(true)}>
          {t(app.session.deletes.value ? "deletion.open" : "rejection.open")}
        </button>
      )}
      {correcting !== undefined && <LazyCorrection app={app} studyInstanceUid={correcting} close={() => setCorrecting(undefined)} />}
      {merging !== undefined && <LazyMerge app={app} studyInstanceUids={merging} close={() => setMerging(undefined)} />}
      {deleting && <LazyDeletion app={app} close={() => setDeleting(false)} />}
      <button type="button" class="button quiet" data-testid="selection-end" onClick={() => (worklist.selection.value = undefined)}>
        {t("dialog.cancel")}
      </button>
    </div>
  );
}
