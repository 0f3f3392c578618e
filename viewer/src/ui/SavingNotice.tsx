/** How saving went, where the menu that tells it is closed: after the keys, too, nobody is left to guess. */

import { useEffect, useState } from "preact/hooks";

import { t } from "@/i18n";
import type { Workspace } from "@/model/workspace";
import { SavingWords, UnsavableWords } from "@/ui/SaveMenu";

const SEEN_MS = 4000;

export function SavingNotice({ workspace }: { readonly workspace: Workspace }) {
  const { value: state } = workspace.saving.state;
  const { nowhere, elsewhere, withdrawn } = workspace.saving;
  const unsavable = nowhere.value + elsewhere.value + withdrawn.value;
  const [dismissed, setDismissed] = useState<unknown>();
  const [known, setKnown] = useState(0); // so many that cannot be saved were told, and the telling closed
  useEffect(() => setKnown((before) => Math.min(before, unsavable)), [unsavable]);
  useEffect(() => {
    if (state.kind !== "saved" && state.kind !== "waiting") return undefined;
    const timer = setTimeout(() => setDismissed(state), SEEN_MS);
    return () => clearTimeout(timer);
  }, [state]);
  if (workspace.menu.value === "save") return null;
  if (state.kind === "idle" || dismissed === state) {
    if (unsavable <= known) return null;
    return (
      <div class="saving-notice" data-testid="saving-notice">
        <div>
          <UnsavableWords workspace={workspace} />
        </div>
        <button type="button" class="button quiet" onClick={() => setKnown(unsavable)}>
          {t("dialog.close")}
        </button>
      </div>
    );
  }
  return (
    <div class="saving-notice" data-testid="saving-notice">
      <SavingWords state={state} />
      {(state.kind === "failed" || state.kind === "held") && (
        <>
          <button type="button" class="button" data-testid="saving-go-on" onClick={() => void workspace.saving.save(state.kind === "held")}>
            {t(state.kind === "held" ? "save.without" : "failure.retry")}
          </button>
          <button type="button" class="button quiet" onClick={() => setDismissed(state)}>
            {t("dialog.close")}
          </button>
        </>
      )}
    </div>
  );
}
