/** What the buttons and the wheel of the mouse do: habits of workstations to choose from, or one's own, with a picture. */

import { t } from "@/i18n";
import type { PlainKey } from "@/i18n/catalogue";
import type { Preferences } from "@/model/preferences";
import { Section } from "@/settings/Section";
import { DRAGS, LEFTS, MOUSE, MOUSE_PRESETS, mouse, presetOf, WHEELS, type Drag, type MouseHabits, type MousePreset } from "@/tools/mouse";

const DOES: Readonly<Record<Drag, PlainKey>> = {
  tool: "help.left",
  window: "tool.window",
  scroll: "tool.scroll",
  zoom: "tool.zoom",
  pan: "tool.pan",
};

/** The parts in the order of the table, what each may do, and where the picture has it. */
const PARTS = [
  { part: "left", label: "mouse.left", may: LEFTS, path: "M24 8C13 8 8 17 8 30v8h16z" },
  { part: "wheel", label: "help.mouse.wheel", may: WHEELS, path: "M28 16h8v18h-8z" },
  { part: "middle", label: "mouse.middle", may: DRAGS, path: "M28 16h8v18h-8z" },
  { part: "right", label: "mouse.right", may: DRAGS, path: "M40 8c11 0 16 9 16 22v8H40z" },
] as const satisfies readonly { part: keyof MouseHabits; label: PlainKey; may: readonly Drag[]; path: string }[];

export function MouseSettings({ preferences }: { readonly preferences: Preferences }) {
  const habits = mouse.value;
  const preset = presetOf(habits);
  const set = (next: MouseHabits): void => preferences.set(MOUSE, next);
  return (
    <Section heading={t("settings.mouse")} name="mouse">
      <p class="muted">{t("settings.mouse.explain")}</p>
      <div class="choices" role="radiogroup" aria-label={t("settings.mouse")}>
        {(Object.keys(MOUSE_PRESETS) as MousePreset[]).map((name) => (
          <label key={name} class="check">
            <input
              type="radio"
              name="mouse"
              data-testid={`mouse-${name}`}
              checked={preset === name}
              onChange={() => set(MOUSE_PRESETS[name])}
            />
            {t(`mouse.preset.${name}`)}
          </label>
        ))}
        {preset === undefined && (
          <label class="check">
            <input type="radio" name="mouse" checked />
            {t("mouse.preset.own")}
          </label>
        )}
      </div>
      <table class="mouse-table">
        <tbody>
          {PARTS.map(({ part, label, may, path }) => (
            <tr key={part}>
              <th scope="row">
                <MousePicture part={path} />
                <label for={`mouse-part-${part}`}>{t(label)}</label>
              </th>
              <td>
                <select
                  id={`mouse-part-${part}`}
                  data-testid={`mouse-part-${part}`}
                  value={habits[part]}
                  onChange={(event) => set({ ...habits, [part]: event.currentTarget.value })}
                >
                  {may.map((does: Drag) => (
                    <option key={does} value={does}>
                      {t(DOES[does])}
                    </option>
                  ))}
                </select>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  );
}

/** A mouse from above with one of its parts filled. */
function MousePicture({ part }: { readonly part: string }) {
  return (
    <svg class="mouse-picture" viewBox="0 0 64 84" aria-hidden="true">
      <path d={part} class="mouse-part" />
      <path d="M24 8C13 8 8 17 8 30v24c0 14 10 22 24 22s24-8 24-22V30C56 17 51 8 40 8zM8 38h48M24 8v30M40 8v30M28 16h8v18h-8z" />
    </svg>
  );
}
