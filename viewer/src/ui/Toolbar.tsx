import { useEffect, useRef } from "preact/hooks";

import { n, t } from "@/i18n";
import { BUTTONS, isTool, keyCap, type Button } from "@/tools/palette";
import { presetsFor, type Preset } from "@/tools/presets";
import type { OpenStudy } from "@/model/study";
import { Icon } from "@/ui/icons";
import type { Reading } from "@/ui/reading";

interface ToolbarProps {
  readonly reading: Reading;
  readonly study: OpenStudy;
}

export function Toolbar({ reading, study }: ToolbarProps) {
  const disabled = reading.stack.value === undefined || study.frame.value === undefined;
  return (
    <div class="toolbar-place">
      <div class="toolbar" role="toolbar" aria-label={t("tool.bar")}>
        {BUTTONS.map((button) => (
          <ToolButton key={button.name} button={button} reading={reading} disabled={disabled} />
        ))}
      </div>
      {reading.presetsOpen.value && !disabled && <PresetMenu reading={reading} study={study} />}
    </div>
  );
}

interface ToolButtonProps {
  readonly button: Button;
  readonly reading: Reading;
  readonly disabled: boolean;
}

function ToolButton({ button, reading, disabled }: ToolButtonProps) {
  const { name } = button;
  const state = isTool(name)
    ? { "aria-pressed": reading.tool.value === name }
    : name === "preset"
      ? { "aria-haspopup": "menu" as const, "aria-expanded": reading.presetsOpen.value }
      : name === "invert"
        ? { "aria-pressed": reading.view.value.inverted }
        : {};
  return (
    <button
      type="button"
      class="tool"
      data-testid={`tool-${name}`}
      title={`${t(button.explanation)} (${keyCap(button.key)})`}
      disabled={disabled}
      onClick={() => reading.press(name)}
      {...state}
    >
      <Icon name={name} />
      <span class="tool-label">{t(button.label)}</span>
    </button>
  );
}

function presetLabel({ label }: Preset): string {
  return "key" in label ? t(label.key) : label.text;
}

function PresetMenu({ reading, study }: ToolbarProps) {
  const menu = useRef<HTMLDivElement>(null);
  useEffect(() => {
    menu.current?.querySelector("button")?.focus();
    const onOutside = (event: PointerEvent): void => {
      const target = event.target as Element;
      if (!menu.current?.contains(target) && !target.closest("[data-testid=tool-preset]")) reading.presetsOpen.value = false;
    };
    document.addEventListener("pointerdown", onOutside);
    return () => document.removeEventListener("pointerdown", onOutside);
  }, [reading]);
  return (
    <div
      ref={menu}
      class="preset-menu"
      role="menu"
      tabIndex={-1}
      aria-label={t("tool.preset.explain")}
      onKeyDown={(event) => moveInMenu(event, reading)}
    >
      {presetsFor(study.frame.value?.dataset).map((preset) => (
        <button
          type="button"
          role="menuitem"
          key={preset.name}
          data-testid={`preset-${preset.name}`}
          onClick={() => reading.choose(preset)}
        >
          <span>{presetLabel(preset)}</span>
          {preset.kind === "values" && (
            <span class="muted">
              {n(preset.window.width)} / {n(preset.window.center)}
            </span>
          )}
        </button>
      ))}
    </div>
  );
}

function moveInMenu(event: KeyboardEvent, reading: Reading): void {
  const entries = [...(event.currentTarget as HTMLElement).querySelectorAll("button")];
  const at = entries.indexOf(document.activeElement as HTMLButtonElement);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step !== undefined) entries[(at + step + entries.length) % entries.length]?.focus();
  else if (event.key === "Escape") reading.presetsOpen.value = false;
  else return;
  event.preventDefault();
  event.stopPropagation();
}
