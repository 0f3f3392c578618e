/** What is done with the list beside looking for something in it. */

import { t } from "@/i18n";
import type { App } from "@/model/app";
import { Icon } from "@/ui/icons";
import { ViewChoices } from "@/worklist/ViewChoices";

export function Actions({ app }: { readonly app: App }) {
  const { worklist } = app;
  const selecting = worklist.selection.value !== undefined;
  return (
    <div class="list-actions" role="toolbar" aria-label={t("worklist.actions")}>
      {app.session.stores.value && (
        <button type="button" class="chip" data-testid="import-open" title={t("import.open")} onClick={() => void app.importer.show()}>
          <Icon name="upload" />
          {t("import.heading")}
        </button>
      )}
      <button
        type="button"
        class="chip"
        data-testid="select-studies"
        aria-pressed={selecting}
        onClick={() => (worklist.selection.value = selecting ? undefined : new Set())}
      >
        <Icon name="select" />
        {t("worklist.select")}
      </button>
      <ViewChoices app={app} />
      <button type="button" class="chip" data-testid="device-open" title={t("offline.heading")} onClick={() => (app.deviceShown.value = true)}>
        <Icon name="kept" />
        <span class="hidden-label">{t("offline.heading")}</span>
      </button>
    </div>
  );
}
