/** What asks the reader or tells them over everything else: the help sheet with every key, the question for a text, protocols. */

import { useRef } from "preact/hooks";

import { t } from "@/i18n";
import type { PlainKey } from "@/i18n/catalogue";
import type { Workspace } from "@/model/workspace";
import { BUTTONS, keyCap } from "@/tools/palette";
import { Dialog } from "@/ui/Dialog";
import { HangingEditor } from "@/ui/HangingEditor";
import { LazyPictures } from "@/ui/LazyPictures";

export function Dialogs({ workspace }: { readonly workspace: Workspace }) {
  const { hanger } = workspace;
  const protocol = hanger.edited.value;
  return (
    <>
      {workspace.switches.help.value && <HelpSheet workspace={workspace} />}
      {workspace.switches.pictures.value && <LazyPictures workspace={workspace} />}
      {workspace.question.value && <TextQuestion workspace={workspace} done={workspace.question.value} />}
      {protocol && <HangingEditor key={protocol.id} hanger={hanger} protocol={protocol} />}
    </>
  );
}

/** Keys and pointer habits that no button has. */
const HABITS: readonly (readonly [PlainKey, PlainKey])[] = [
  ["help.key.images", "help.images"],
  ["help.key.series", "help.series"],
  ["help.key.presets", "help.presets"],
  ["help.key.alone", "help.alone"],
  ["help.key.undo", "help.undo"],
  ["help.mouse.left", "help.left"],
  ["help.mouse.middle", "help.middle"],
  ["help.mouse.right", "help.right"],
  ["help.mouse.wheel", "help.wheel"],
  ["help.mouse.twice", "help.alone"],
];

function HelpSheet({ workspace }: { readonly workspace: Workspace }) {
  const close = (): void => {
    workspace.switches.help.value = false;
  };
  return (
    <Dialog label={t("help.heading")} name="help-sheet" close={close}>
      <h2>{t("help.heading")}</h2>
      <dl class="help-keys">
        {BUTTONS.filter(({ name }) => name !== "pictures" || workspace.mayExport.value).map(({ name, key, explanation }) => (
          <div key={name}>
            <dt>
              <kbd>{name === "help" ? "?" : keyCap(key)}</kbd>
            </dt>
            <dd>{t(explanation)}</dd>
          </div>
        ))}
        {HABITS.map(([key, explanation]) => (
          <div key={key}>
            <dt>
              <kbd>{t(key)}</kbd>
            </dt>
            <dd>{t(explanation)}</dd>
          </div>
        ))}
      </dl>
      <form method="dialog">
        <button type="submit" class="button primary" data-testid="help-close">
          {t("dialog.close")}
        </button>
      </form>
    </Dialog>
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
    <Dialog label={t("measure.text")} name="text-question" close={close}>
      <form method="dialog" class="text-question">
        <label class="field">
          <span>{t("measure.text")}</span>
          <input ref={field} maxLength={TEXT_LONGEST} data-testid="text-field" onKeyDown={(event) => event.key === "Escape" && giveUp()} />
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
