import type { ComponentType } from "preact";

import { n, t } from "@/i18n";
import type { Workspace } from "@/model/workspace";
import { BUTTONS, isMenu, isTool, keyCap, type Button, type ButtonName, type MenuName } from "@/tools/palette";
import { presetsFor, type Preset } from "@/tools/presets";
import { CompareMenu } from "@/ui/CompareMenu";
import { Icon } from "@/ui/icons";
import { LayoutMenu } from "@/ui/LayoutMenu";
import { Menu } from "@/ui/Menu";
import { VolumeMenu } from "@/ui/VolumeMenu";

interface ToolbarProps {
  readonly workspace: Workspace;
}

export function Toolbar({ workspace }: ToolbarProps) {
  const menu = workspace.menu.value;
  const Menu = menu && MENUS[menu];
  return (
    <div class="toolbar-place">
      <div class="toolbar" role="toolbar" aria-label={t("tool.bar")}>
        {BUTTONS.map((button) => (
          <ToolButton key={button.name} button={button} workspace={workspace} />
        ))}
      </div>
      {menu && Menu && isUsable(menu, workspace) && <Menu key={menu} workspace={workspace} />}
    </div>
  );
}

const MENUS: Readonly<Record<MenuName, ComponentType<ToolbarProps>>> = {
  layout: LayoutMenu,
  compare: CompareMenu,
  volume: VolumeMenu,
  preset: PresetMenu,
};

/** All but the layout asks for a viewport with an image. */
function isUsable(name: ButtonName, { active }: Workspace): boolean {
  if (name === "volume" || name === "compare") return active.value.frame.value !== undefined;
  return name === "layout" || (active.value.controls.value !== undefined && active.value.frame.value !== undefined);
}

interface ToolButtonProps extends ToolbarProps {
  readonly button: Button;
}

function ToolButton({ button, workspace }: ToolButtonProps) {
  const { name } = button;
  const state = isTool(name)
    ? { "aria-pressed": workspace.tool.value === name }
    : isMenu(name)
      ? { "aria-haspopup": "menu" as const, "aria-expanded": workspace.menu.value === name }
      : name === "invert"
        ? { "aria-pressed": workspace.active.value.view.value.inverted }
        : {};
  return (
    <button
      type="button"
      class="tool"
      data-testid={`tool-${name}`}
      title={`${t(button.explanation)} (${keyCap(button.key)})`}
      disabled={!isUsable(name, workspace)}
      onClick={() => workspace.press(name)}
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

function PresetMenu({ workspace }: ToolbarProps) {
  return (
    <Menu workspace={workspace} label={t("tool.preset.explain")}>
      {presetsFor(workspace.active.value.frame.value?.dataset).map((preset) => (
        <button
          type="button"
          role="menuitem"
          key={preset.name}
          data-testid={`preset-${preset.name}`}
          onClick={() => workspace.choose(preset)}
        >
          <span>{presetLabel(preset)}</span>
          {preset.kind === "values" && (
            <span class="muted">
              {n(preset.window.width)} / {n(preset.window.center)}
            </span>
          )}
        </button>
      ))}
    </Menu>
  );
}
