/** What is at hand where the pointer is: opened by the right button that did not drag, by the menu key and Shift+F10. */

import type { ComponentChildren } from "preact";

import { n, t } from "@/i18n";
import type { PlainKey } from "@/i18n/catalogue";
import type { ContextPlace } from "@/model/contextPlace";
import type { Rejectable } from "@/model/deletions";
import { worksIn } from "@/model/usable";
import type { Workspace } from "@/model/workspace";
import { BUTTONS, isTool, keyCap, type ButtonName } from "@/tools/palette";
import { copyText } from "@/ui/copy";
import { Icon, type IconName } from "@/ui/icons";
import { MenuList } from "@/ui/Menu";
import { readingText } from "@/ui/PixelReadout";
import { presetLabel } from "@/ui/presetLabel";
import "@/ui/contextMenu.css";

const TOOLS = ["window", "scroll", "zoom", "pan", "length", "ellipse", "arrow", "probe"] as const;
const ACTIONS = ["reset", "invert", "rotate", "flipHorizontal", "key", "clear", "pictures"] as const;
const PRESETS_MOST = 9; // as many as there are keys for
const MARGIN_PX = 6;

interface ContextMenuProps {
  readonly workspace: Workspace;
  readonly place: ContextPlace;
}

export function ContextMenu({ workspace, place }: ContextMenuProps) {
  const pane = workspace.active.value;
  const controls = pane.controls.value;
  const frame = pane.frame.value;
  const close = (): void => {
    workspace.context.value = undefined;
  };
  const does = (work: () => void) => (): void => {
    close();
    work();
  };
  const reject = (what: Rejectable) => does(() => (workspace.rejecting.value = what));
  if (place.series) return <SeriesMenu place={place} rejected={reject(place.series)} close={close} />;
  if (!controls || !frame) return null;
  const offered = (name: (typeof ACTIONS)[number]): boolean => {
    if (name === "pictures" && !workspace.mayExport.value) return false;
    return worksIn(pane, name) && !(name === "key" && workspace.beside.holds(pane));
  };
  const value = place.reading?.values ? readingText(place.reading.values, frame.dataset) : "";
  return (
    <MenuList label={t("context.label")} class="context-menu" close={close} placed={(menu) => putAt(menu, place)}>
      <div class="context-tools" role="group" aria-label={t("tool.bar")}>
        {TOOLS.filter((name) => controls.works?.has(name) ?? true).map((name) => (
          <button
            key={name}
            type="button"
            role="menuitemradio"
            aria-checked={workspace.tool.value === name}
            aria-label={t(`tool.${name}`)}
            title={t(`tool.${name}.explain`)}
            data-testid={`context-${name}`}
            onClick={does(() => workspace.press(name))}
          >
            <Icon name={name} />
          </button>
        ))}
      </div>
      {pane.presets.value
        .slice(0, PRESETS_MOST)
        .map((preset, index) => (
          <Item key={preset.name} name={`preset-${preset.name}`} keys={String(index + 1)} pressed={does(() => workspace.choose(preset))}>
            {presetLabel(preset)}
            {preset.kind === "values" && (
              <span class="muted">
                {n(preset.window.width)} / {n(preset.window.center)}
              </span>
            )}
          </Item>
        ))}
      <hr />
      {ACTIONS.filter(offered).map((name) => (
        <Item key={name} name={name} icon={name} keys={keyOf(name)} pressed={does(() => workspace.press(name))}>
          {t(explanationOf(name))}
        </Item>
      ))}
      {value && (
        <Item name="copy" icon="probe" pressed={does(() => void copyText(value))}>
          {t("context.copy", { value })}
        </Item>
      )}
      {workspace.panes.value.length > 1 && (
        <Item name="alone" icon="layout" keys="Enter" pressed={does(() => workspace.toggleOneUp())}>
          {t(workspace.oneUp.value ? "context.all" : "context.alone")}
        </Item>
      )}
      {workspace.mayReject.value && !workspace.beside.holds(pane) && (
        <>
          <hr />
          {pane.showing.value?.kind === "stack" && (
            <Item name="reject-image" icon="reject" pressed={reject(frame)}>
              {t("rejection.image")}
            </Item>
          )}
          <RejectSeries rejected={reject({ studyInstanceUid: frame.studyInstanceUid, seriesInstanceUid: frame.seriesInstanceUid })} />
          <hr />
        </>
      )}
      <Item name="fullscreen" icon="fullScreen" keys={keyOf("fullScreen")} pressed={does(() => workspace.press("fullScreen"))}>
        {t(workspace.fullScreen.on.value ? "context.window" : "context.fullscreen")}
      </Item>
    </MenuList>
  );
}

interface SeriesMenuProps {
  readonly place: ContextPlace;
  rejected(): void;
  close(): void;
}

/** Of a thumbnail. */
function SeriesMenu({ place, rejected, close }: SeriesMenuProps) {
  return (
    <MenuList label={t("context.label")} class="context-menu" close={close} placed={(menu) => putAt(menu, place)}>
      <RejectSeries rejected={rejected} />
    </MenuList>
  );
}

function RejectSeries({ rejected }: Pick<SeriesMenuProps, "rejected">) {
  return (
    <Item name="reject-series" icon="reject" pressed={rejected}>
      {t("rejection.series")}
    </Item>
  );
}

interface ItemProps {
  readonly name: string;
  readonly icon?: IconName | undefined;
  readonly keys?: string | undefined;
  pressed(): void;
  readonly children: ComponentChildren;
}

function Item({ name, icon, keys, pressed, children }: ItemProps) {
  return (
    <button type="button" role="menuitem" data-testid={`context-${name}`} onClick={pressed}>
      {icon && <Icon name={icon} />}
      <span class="context-words">{children}</span>
      {keys && <kbd class="muted">{keys}</kbd>}
    </button>
  );
}

function keyOf(wanted: ButtonName): string | undefined {
  const button = BUTTONS.find(({ name }) => name === wanted);
  return button && keyCap(button.key);
}

function explanationOf(wanted: ButtonName): PlainKey {
  return BUTTONS.find(({ name }) => name === wanted && !isTool(name))?.explanation ?? "tool.bar";
}

/** With its corner at the place, and wholly on the screen. */
function putAt(menu: HTMLElement, { x, y }: ContextPlace): void {
  menu.style.left = `${Math.max(MARGIN_PX, Math.min(x, innerWidth - menu.offsetWidth - MARGIN_PX))}px`;
  menu.style.top = `${Math.max(MARGIN_PX, Math.min(y, innerHeight - menu.offsetHeight - MARGIN_PX))}px`;
}
