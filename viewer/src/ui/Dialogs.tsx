/** What asks the reader or tells them over everything else: the help sheet with every key, the question for a text, protocols. */

import { useRef } from "preact/hooks";

import { t } from "@/i18n";
import type { Workspace } from "@/model/workspace";
import { Dialog } from "@/ui/Dialog";
import { HangingEditor } from "@/ui/HangingEditor";
import { HelpSheet } from "@/ui/HelpSheet";
import { LazyPictures } from "@/ui/LazyPictures";
import { TrueSizeDialog } from "@/ui/TrueSize";

export function Dialogs({ workspace }: { readonly workspace: Workspace }) {
  const { hanger } = workspace;
  const protocol = hanger.edited.value;
  return (
    <>
      {workspace.switches.help.value && <HelpSheet workspace={workspace} />}
      {workspace.switches.pictures.value && <LazyPictures workspace={workspace} />}
      {workspace.question.value && <TextQuestion workspace={workspace} done={workspace.question.value} />}
      <TrueSizeDialog />
      {protocol && <HangingEditor key={protocol.id} hanger={hanger} protocol={protocol} />}
    </>
  );
}

const TEXT_LONGEST = 120;

function TextQuestion({ workspace, done }: { readonly workspace: Workspace; readonly done: (text: string) => void }) {
  const field = useRef<HTMLInputElement>(null);
  const close = (): void => {
    workspace.question.value = undefined;
    done(field.current?.value.trim() ?? "");
  };
  const giveUp = (): void => {
    if (field.current) field.current.value = "";
  };
  return (
    <Dialog label={t("measure.text")} name="text-question" close={close} cancel={giveUp}>
      <form method="dialog" class="text-question">
        <label class="field">
          <span>{t("measure.text")}</span>
          <input ref={field} maxLength={TEXT_LONGEST} data-testid="text-field" />
        </label>
        <button type="submit" class="button primary">
          {t("dialog.save")}
        </button>
        <button type="submit" class="button" onClick={giveUp}>
          {t("dialog.cancel")}
        </button>
      </form>
    </Dialog>
  );
}
