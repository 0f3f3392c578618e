/** How saving went, where the menu that tells it is closed: after the keys, too, nobody is left to guess. */

import { useEffect, useState } from "preact/hooks";

import { t } from "@/i18n";
import type { Workspace } from "@/model/workspace";
import { SavingWords } from "@/ui/SaveMenu";

const SEEN_MS = 4000;

export function SavingNotice({ workspace }: { readonly workspace: Workspace }) {
  const { value: state } = workspace.saving.state;
  const [dismissed, setDismissed] = useState<unknown>();
  useEffect(() => {
    if (state.kind !== "saved") return undefined;
    const timer = setTimeout(() => setDismissed(state), SEEN_MS);
    return () => clearTimeout(timer);
  }, [state]);
  if (state.kind === "idle" || dismissed === state || workspace.menu.value === "save") return null;
  return (
    <div class="saving-notice" data-testid="saving-notice">
      <SavingWords state={state} />
      {state.kind === "failed" && (
        <>
          <button type="button" class="button" onClick={() => void workspace.saving.save()}>
            {t("failure.retry")}
          </button>
          <button type="button" class="button quiet" onClick={() => setDismissed(state)}>
            {t("dialog.close")}
          </button>
        </>
      )}
    </div>
  );
}
