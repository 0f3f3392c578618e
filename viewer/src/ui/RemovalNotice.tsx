/** Measurements were taken away: how many, and bring them back. */

import { counted, t } from "@/i18n";
import type { Pane } from "@/model/pane";

export function RemovalNotice({ pane }: { readonly pane: Pane }) {
  const removed = pane.removed.value;
  return (
    <div class="notice" role="status">
      {removed && (
        <div class="notice-words" data-testid="measurements-removed">
          <span>{counted("measure.removed", removed.count)}</span>
          <button type="button" class="button" data-testid="measurements-undo" onClick={() => pane.undoRemoval()}>
            {t("measure.undo")}
          </button>
        </div>
      )}
    </div>
  );
}
