/** The help sheet: what every key, button of the mouse and finger of this device does, and whether keys of one character do anything. */

import { t } from "@/i18n";
import type { PlainKey } from "@/i18n/catalogue";
import { isTouchOnly } from "@/model/device";
import type { Workspace } from "@/model/workspace";
import { SETTINGS_LINK } from "@/model/route";
import { mouse, type Drag, type MouseHabits } from "@/tools/mouse";
import { BUTTONS, keyCap } from "@/tools/palette";
import { Dialog } from "@/ui/Dialog";

type Habits = readonly (readonly [PlainKey, PlainKey])[];

/** Keys that no button has. */
const KEYS: Habits = [
  ["help.key.images", "help.images"],
  ["help.key.series", "help.series"],
  ["help.key.presets", "help.presets"],
  ["help.key.zoom", "help.right"],
  ["help.key.centre", "help.centre"],
  ["help.key.alone", "help.alone"],
  ["help.key.undo", "help.undo"],
  ["help.key.save", "tool.save.explain"],
  ["help.key.context", "help.context"],
  ["help.key.leave", "help.leave"],
];

const DRAGGED: Readonly<Record<Drag, PlainKey>> = {
  tool: "help.left",
  window: "tool.window.explain",
  scroll: "help.wheel",
  zoom: "help.right",
  pan: "help.middle",
};

function habitsOf({ middle, right, wheel }: MouseHabits): Habits {
  return [
    ["help.mouse.left", "help.left"],
    ["help.mouse.middle", DRAGGED[middle]],
    ["help.mouse.right", DRAGGED[right]],
    ["help.mouse.press", "help.context"],
    ["help.mouse.wheel", DRAGGED[wheel]],
    ["help.mouse.twice", "help.alone"],
  ];
}

const FINGERS: Habits = [
  ["help.finger.one", "help.left"],
  ["help.finger.two", "help.two"],
  ["help.finger.flick", "help.series"],
  ["help.finger.rest", "help.context"],
];

export function HelpSheet({ workspace }: { readonly workspace: Workspace }) {
  const close = (): void => {
    workspace.switches.help.value = false;
  };
  const touch = isTouchOnly();
  return (
    <Dialog label={t("help.heading")} name="help-sheet" close={close}>
      <h2 tabIndex={-1} autofocus>
        {t("help.heading")}
      </h2>
      <dl class="help-keys">
        {!touch && BUTTONS.filter(({ name }) => name !== "pictures" || workspace.mayExport.value).map(({ name, key, explanation }) => (
          <Line key={name} keys={name === "help" ? "F1, ?" : keyCap(key)} words={t(explanation)} />
        ))}
        {[...(touch ? [] : [...KEYS, ...habitsOf(mouse.value)]), ...FINGERS].map(([key, explanation]) => (
          <Line key={key} keys={t(key)} words={t(explanation)} />
        ))}
      </dl>
      <form method="dialog" class="help-end">
        {!touch && (
          <label>
            <input
              type="checkbox"
              data-testid="character-keys"
              checked={workspace.characterKeys.value}
              onChange={(event) => workspace.useCharacterKeys(event.currentTarget.checked)}
            />
            {t("help.characters")}
          </label>
        )}
        <span class="spacer" />
        <a class="button" href={SETTINGS_LINK}>
          {t("settings.heading")}
        </a>
        <button type="submit" class="button primary" data-testid="help-close">
          {t("dialog.close")}
        </button>
      </form>
    </Dialog>
  );
}

function Line({ keys, words }: { readonly keys: string; readonly words: string }) {
  return (
    <div>
      <dt>
        <kbd>{keys}</kbd>
      </dt>
      <dd>{words}</dd>
    </div>
  );
}
