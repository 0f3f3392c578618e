/** Rows and columns of viewports, chosen in a grid of four by four, and what hangs in them. */

import { useState } from "preact/hooks";

import { isMessage, t } from "@/i18n";
import type { Hanger } from "@/model/hanger";
import { LAYOUT_LONGEST, layoutName } from "@/model/layout";
import type { Workspace } from "@/model/workspace";
import { BesideSwitch } from "@/ui/BesideSwitch";
import { Icon } from "@/ui/icons";
import { Menu } from "@/ui/Menu";

const COUNTS = Array.from({ length: LAYOUT_LONGEST }, (_, index) => index + 1);
const CELLS = COUNTS.flatMap((rows) => COUNTS.map((columns) => ({ rows, columns })));

export function LayoutMenu({ workspace }: { readonly workspace: Workspace }) {
  const now = workspace.layout.value;
  const [aimed, aim] = useState(now);
  return (
    <Menu workspace={workspace} label={t("tool.layout.explain")} class="layout-menu" perRow={LAYOUT_LONGEST}>
      {CELLS.map((cell) => {
        const { rows, columns } = cell;
        return (
          <button
            key={layoutName(cell)}
            type="button"
            role="menuitemradio"
            aria-checked={rows === now.rows && columns === now.columns}
            aria-label={t("layout.cell", { rows, columns })}
            class={rows <= aimed.rows && columns <= aimed.columns ? "layout-cell within" : "layout-cell"}
            data-testid={`layout-${rows}x${columns}`}
            style={{ gridArea: `${rows} / ${columns}` }}
            onPointerEnter={() => aim(cell)}
            onFocus={() => aim(cell)}
            onClick={() => workspace.hanger.chooseLayout(rows, columns)}
          />
        );
      })}
      <p class="layout-name muted" aria-hidden="true">
        {layoutName(aimed)}
      </p>
      <HangingChoices workspace={workspace} />
    </Menu>
  );
}

/** What a protocol is called: the reader's own as they named it, a shipped one in the language of the screen. */
function nameOf({ own }: Hanger, protocol: string): string {
  const key = `hanging.${protocol}`;
  return own.all.value.find(({ id }) => id === protocol)?.name ?? (isMessage(key) ? t(key) : protocol);
}

/** The protocols which suit the study, and none; the reader's own can be changed. */
function HangingChoices({ workspace: { hanger } }: { readonly workspace: Workspace }) {
  const { offered } = hanger;
  const own = new Map(hanger.own.all.value.map((protocol) => [protocol.id, protocol]));
  return (
    <div class="hanging-choices" role="group" aria-label={t("hanging.title")}>
      <p class="muted" aria-hidden="true">
        {t("hanging.title")}
      </p>
      {[...offered, "none"].map((name) => {
        const mine = own.get(name);
        return (
          <div key={name} class="hanging-choice">
            <button
              type="button"
              role="menuitemradio"
              aria-checked={hanger.protocol.value === name}
              data-testid={mine ? "hanging-own" : `hanging-${name}`}
              onClick={() => hanger.choose(name)}
            >
              {nameOf(hanger, name)}
            </button>
            {mine && (
              <button
                type="button"
                role="menuitem"
                data-testid="hanging-edit"
                title={t("hanging.edit")}
                aria-label={`${t("hanging.edit")}: ${mine.name}`}
                onClick={() => hanger.edit(mine)}
              >
                <Icon name="edit" />
              </button>
            )}
          </div>
        );
      })}
      <BesideSwitch hanger={hanger} />
      <button type="button" role="menuitem" data-testid="hanging-new" onClick={() => hanger.draft()}>
        {t("hanging.new")}
      </button>
    </div>
  );
}
