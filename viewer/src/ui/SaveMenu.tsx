/** What has not been saved yet, and saving it into the archive. */

import { counted, t } from "@/i18n";
import type { SavingState } from "@/model/saving";
import type { Workspace } from "@/model/workspace";
import { Menu } from "@/ui/Menu";

export function SaveMenu({ workspace }: { readonly workspace: Workspace }) {
  const { saving, keyImages } = workspace;
  const allowed = workspace.maySave.value;
  return (
    <Menu workspace={workspace} label={t("tool.save.explain")} class="save-menu">
      <p>
        {counted("save.measurements", saving.measured.value.length)}
        {saving.measurementsChanged.value && <span class="caution"> · {t("save.unsaved")}</span>}
        <br />
        {counted("save.keyImages", keyImages.value.size)}
        {saving.keyImagesChanged.value && <span class="caution"> · {t("save.unsaved")}</span>}
      </p>
      {!allowed && (
        <p class="caution" data-testid="save-forbidden">
          {t("save.forbidden")}
        </p>
      )}
      <button
        type="button"
        role="menuitem"
        data-testid="save-now"
        disabled={!allowed || !saving.unsaved.value || saving.state.value.kind === "saving"}
        onClick={() => void saving.save()}
      >
        {t("save.now")}
        <span class="spacer" />
        <kbd class="muted">Ctrl S</kbd>
      </button>
      <SavingWords state={saving.state.value} />
    </Menu>
  );
}

/** How it went, with what the node said when it did not. */
export function SavingWords({ state }: { readonly state: SavingState }) {
  if (state.kind === "idle") return null;
  const failed = state.kind === "failed" ? ` ${state.failure.message}. ${state.failure.hint}` : "";
  return (
    <p class={state.kind === "failed" ? "caution" : "muted"} role="status" data-testid="saving-state" data-kind={state.kind}>
      {t(`save.${state.kind}`)}
      {failed}
    </p>
  );
}
