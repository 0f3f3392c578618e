/** Rows and columns of viewports, chosen in a grid of four by four, and what hangs in them. */

import { useState } from "preact/hooks";

import { t } from "@/i18n";
import { LAYOUT_LONGEST, layoutName } from "@/model/layout";
import type { Workspace } from "@/model/workspace";
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

/** The protocols which suit the study, and none. */
function HangingChoices({ workspace: { hanger } }: { readonly workspace: Workspace }) {
  const { offered } = hanger;
  if (offered.length === 0) return null;
  return (
    <div class="hanging-choices" role="group" aria-label={t("hanging.title")}>
      <p class="muted" aria-hidden="true">
        {t("hanging.title")}
      </p>
      {([...offered, "none"] as const).map((name) => (
        <button
          key={name}
          type="button"
          role="menuitemradio"
          aria-checked={hanger.protocol.value === name}
          data-testid={`hanging-${name}`}
          onClick={() => hanger.choose(name)}
        >
          {t(`hanging.${name}`)}
        </button>
      ))}
    </div>
  );
}
