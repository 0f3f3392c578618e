import type { ComponentType } from "preact";

import { n, t } from "@/i18n";
import type { PlainKey } from "@/i18n/catalogue";
import type { Workspace } from "@/model/workspace";
import { worksIn } from "@/model/usable";
import { hasTrueSize } from "@/model/trueSize";
import { COLOUR_MAPS } from "@/tools/colourMaps";
import { BUTTONS, isMenu, isSwitch, isTool, keyCap, type Button, type ButtonName, type MenuName } from "@/tools/palette";
import { CompareMenu } from "@/ui/CompareMenu";
import { Icon } from "@/ui/icons";
import { LayoutMenu } from "@/ui/LayoutMenu";
import { Menu } from "@/ui/Menu";
import { SaveMenu } from "@/ui/SaveMenu";
import { presetLabel } from "@/ui/presetLabel";
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
        {BUTTONS.filter(({ name, place }) => place === "bar" && isKnownHere(name, workspace)).map((button) => (
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
  measure: MeasureMenu,
  preset: PresetMenu,
  colour: ColourMenu,
  view: ViewMenu,
  save: SaveMenu,
};

/** Too much for the bar of a phone: there they stand in the view menu. */
const NOT_ON_PHONES: ReadonlySet<ButtonName> = new Set(["pan", "colour", "cine", "invert", "key", "save", "undo", "clear"]);

/** What stands together in the view menu; what a phone has nowhere else comes first there. */
const VIEW_GROUPS: readonly { readonly heading: PlainKey; readonly names: ReadonlySet<ButtonName> }[] = [
  { heading: "tool.group.hand", names: NOT_ON_PHONES },
  { heading: "tool.group.pointer", names: new Set(["magnify", "crosshair", "steps"]) },
  { heading: "tool.group.image", names: new Set(["rotate", "flipHorizontal", "flipVertical", "singly", "trueSize"]) },
  { heading: "tool.group.screen", names: new Set(["lines", "linked", "overlays", "graphics", "fullScreen"]) },
  { heading: "tool.group.other", names: new Set(["redo", "pictures", "help"]) },
];

/** Who may take nothing away has no button for it; nor is a size offered that nobody knows. */
function isOffered(name: ButtonName, { mayExport, active }: Workspace): boolean {
  if (name === "trueSize") return hasTrueSize(active.value);
  return name !== "pictures" || mayExport.value;
}

/** Whether it stands in the bar: what one viewport alone has no use for keeps its place. A slide has no use for most. */
function isKnownHere(name: ButtonName, { active }: Workspace): boolean {
  return active.value.controls.value?.works?.has(name) ?? true;
}

/** Whether it does something to what the active viewport shows. */
function worksHere(name: ButtonName, { active }: Workspace): boolean {
  return worksIn(active.value, name);
}

/** All but the layout asks for a viewport with an image. */
function isUsable(name: ButtonName, workspace: Workspace): boolean {
  const { active } = workspace;
  if (name === "volume" || name === "compare") return active.value.frame.value !== undefined;
  if (name === "key" && active.value.frame.value && workspace.beside.holds(active.value)) return false;
  if (!worksHere(name, workspace)) return false;
  if (active.value.controls.value?.works) return true;
  return name === "layout" || name === "help" || (active.value.controls.value !== undefined && active.value.frame.value !== undefined);
}

interface ToolButtonProps extends ToolbarProps {
  readonly button: Button;
}

/** Whether a tool is in the hand, a menu open or a switch on; undefined where there is nothing to press down. */
function isDown(name: ButtonName, workspace: Workspace): boolean | undefined {
  const pane = workspace.active.value;
  if (isTool(name)) return workspace.tool.value === name;
  if (name === "cine") return pane.cine.open.value;
  if (name === "fullScreen") return workspace.fullScreen.on.value;
  if (isSwitch(name)) return workspace.switches[name].value;
  if (name === "invert") return pane.view.value.inverted;
  if (name === "key") return pane.frame.value !== undefined && workspace.isKey(pane.frame.value);
  return undefined;
}

/** The measuring tool in hand is told on the button of its menu. */
function holdsOneOf(menu: MenuName, { tool }: Workspace): boolean {
  return BUTTONS.some(({ name, place }) => place === menu && name === tool.value);
}

function ToolButton({ button, workspace }: ToolButtonProps) {
  const { name } = button;
  const down = isDown(name, workspace);
  const isUnsavedWithin = name === "view" && workspace.saving.unsaved.value;
  const state = isMenu(name)
    ? { "aria-haspopup": "menu" as const, "aria-expanded": workspace.menu.value === name || holdsOneOf(name, workspace) }
    : down === undefined
      ? {}
      : { "aria-pressed": down };
  return (
    <button
      type="button"
      class={NOT_ON_PHONES.has(name) ? "tool wide-only" : "tool"}
      data-testid={`tool-${name}`}
      title={`${t(button.explanation)} (${keyCap(button.key)})`}
      data-count={name === "compare" ? workspace.comparing.priors.value?.length || undefined : undefined}
      data-unsaved={name === "save" ? workspace.saving.unsaved.value : undefined}
      data-holds-unsaved={isUnsavedWithin}
      disabled={!isUsable(name, workspace)}
      onClick={() => workspace.press(name)}
      {...state}
    >
      <Icon name={name} />
      <span class="tool-label">{t(button.label)}</span>
      {isUnsavedWithin && (
        <span class="phone-only">
          <span class="hidden-label">{t("save.unsaved")}</span>
        </span>
      )}
    </button>
  );
}

function ToolItem({ button, workspace }: ToolButtonProps) {
  const { name } = button;
  const down = isDown(name, workspace);
  return (
    <button
      type="button"
      role={down === undefined ? "menuitem" : "menuitemcheckbox"}
      aria-checked={down}
      class={button.place === "bar" ? "phone-only" : undefined}
      data-testid={button.place === "bar" ? `more-${name}` : `tool-${name}`}
      data-unsaved={name === "save" ? workspace.saving.unsaved.value : undefined}
      onClick={() => workspace.press(name)}
    >
      <Icon name={name} />
      <span>{t(button.explanation)}</span>
      <span class="spacer" />
      <kbd class="muted">{keyCap(button.key)}</kbd>
    </button>
  );
}

function MeasureMenu({ workspace }: ToolbarProps) {
  return (
    <Menu workspace={workspace} label={t("tool.measure.explain")}>
      {BUTTONS.filter(({ place }) => place === "measure").map((button) => (
        <ToolItem key={button.name} button={button} workspace={workspace} />
      ))}
    </Menu>
  );
}

function ViewMenu({ workspace }: ToolbarProps) {
  return (
    <Menu workspace={workspace} label={t("tool.view.explain")}>
      {VIEW_GROUPS.filter(({ names }) => [...names].some((name) => worksHere(name, workspace))).map(({ heading, names }) => (
        <div key={heading} role="group" aria-label={t(heading)} class={names === NOT_ON_PHONES ? "menu-group phone-only" : "menu-group"}>
          <span class="menu-heading" aria-hidden="true">
            {t(heading)}
          </span>
          {BUTTONS.filter(({ name }) => names.has(name) && worksHere(name, workspace) && isOffered(name, workspace)).map((button) => (
            <ToolItem key={button.name} button={button} workspace={workspace} />
          ))}
        </div>
      ))}
    </Menu>
  );
}

function ColourMenu({ workspace }: ToolbarProps) {
  const now = workspace.active.value.colourMap.value;
  return (
    <Menu workspace={workspace} label={t("tool.colour.explain")}>
      {COLOUR_MAPS.map(({ name, label }) => (
        <button
          key={name}
          type="button"
          role="menuitemradio"
          aria-checked={name === now}
          data-testid={`colour-${name}`}
          onClick={() => workspace.chooseColours(name)}
        >
          {label}
        </button>
      ))}
    </Menu>
  );
}

function PresetMenu({ workspace }: ToolbarProps) {
  return (
    <Menu workspace={workspace} label={t("tool.preset.explain")}>
      {workspace.active.value.presets.value.map((preset) => (
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
