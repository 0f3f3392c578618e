/** Nobody leaves a study with unsaved measurements without having been asked. */

import { useEffect, useRef, useState } from "preact/hooks";

import { t } from "@/i18n";
import { follow } from "@/model/layers";
import { leaving, WORKLIST_LINK } from "@/model/route";
import type { Workspace } from "@/model/workspace";
import { Dialog } from "@/ui/Dialog";
import { SavingWords } from "@/ui/SaveMenu";

export function LeaveGuard({ workspace }: { readonly workspace: Workspace }) {
  const { saving, maySave } = workspace;
  const [target, setTarget] = useState<string | undefined>(undefined);
  const given = useRef(false); // what is not saved is given up
  useEffect(() => {
    const unsaved = (): boolean => maySave.peek() && saving.unsaved.peek();
    leaving.holds = (hash) => {
      if (given.current || !unsaved()) return false;
      setTarget(hash || WORKLIST_LINK);
      return true;
    };
    const onUnload = (event: BeforeUnloadEvent): void => {
      if (unsaved()) event.preventDefault();
    };
    const onClick = (event: MouseEvent): void => {
      const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>("a[href^='#']") : null;
      if (!link || !unsaved() || link.closest("[data-leaves]")) return;
      event.preventDefault();
      setTarget(link.getAttribute("href") ?? "#/");
    };
    addEventListener("beforeunload", onUnload);
    document.addEventListener("click", onClick, true);
    return () => {
      leaving.holds = undefined;
      removeEventListener("beforeunload", onUnload);
      document.removeEventListener("click", onClick, true);
    };
  }, [workspace]);
  if (target === undefined) return null;
  const held = saving.state.value.kind === "held";
  const save = async (): Promise<void> => {
    await saving.save(held);
    if (!saving.unsaved.peek()) follow(target);
  };
  return (
    <Dialog label={t("save.leave")} name="leave-guard" close={() => setTarget(undefined)}>
      <h2>{t("save.leave")}</h2>
      <p>{t("save.leave.explain")}</p>
      <SavingWords state={saving.state.value} />
      <div class="leave-choices" data-leaves>
        <button type="button" class="button primary" data-testid="leave-save" onClick={() => void save()}>
          {t(held ? "save.without" : "save.leave.save")}
        </button>
        <a class="button" href={target} data-testid="leave-anyway" onClick={() => (given.current = true)}>
          {t("save.leave.anyway")}
        </a>
        <button type="button" class="button" data-testid="leave-stay" onClick={() => setTarget(undefined)}>
          {t("save.leave.stay")}
        </button>
      </div>
    </Dialog>
  );
}
