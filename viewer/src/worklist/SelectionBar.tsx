/** What can be done with the studies that were selected. */

import { counted, t } from "@/i18n";
import { exportLink } from "@/model/route";
import type { Worklist } from "@/model/worklist";
import { Icon } from "@/ui/icons";

/** So many studies the node puts into one file. */
const EXPORTED_MOST = 100;

export function SelectionBar({ worklist }: { readonly worklist: Worklist }) {
  const selection = worklist.selection.value;
  if (!selection) return null;
  const { size } = selection;
  return (
    <div class="selection-bar" data-testid="selection-bar">
      <span role="status">{size === 0 ? t("worklist.select.hint") : counted("worklist.selected", size)}</span>
      <span class="spacer" />
      {size > 0 && size <= EXPORTED_MOST && (
        <a class="button" href={exportLink(selection)} download data-testid="export-selected" title={t("export.selected")}>
          <Icon name="download" />
          <span>ZIP</span>
          <span class="hidden-label">{t("export.selected")}</span>
        </a>
      )}
      {size > EXPORTED_MOST && <span class="muted">{t("export.tooMany", { count: EXPORTED_MOST })}</span>}
      <button type="button" class="button quiet" data-testid="selection-end" onClick={() => (worklist.selection.value = undefined)}>
        {t("dialog.cancel")}
      </button>
    </div>
  );
}
