/** Images, planes, rendering: how the series of the active viewport is looked at. */

import { t } from "@/i18n";
import { arrange, ARRANGEMENTS } from "@/model/volumes";
import type { Workspace } from "@/model/workspace";
import { CurveList } from "@/ui/curved/CurveList";
import { Menu } from "@/ui/Menu";

export function VolumeMenu({ workspace }: { readonly workspace: Workspace }) {
  return (
    <Menu workspace={workspace} label={t("tool.volume.explain")}>
      {ARRANGEMENTS.map((one) => (
        <button
          key={one}
          type="button"
          role="menuitem"
          data-testid={`volume-${one}`}
          onClick={() => {
            workspace.menu.value = undefined;
            arrange(workspace, one, innerWidth);
          }}
        >
          <span>{t(`volume.${one}`)}</span>
        </button>
      ))}
      <CurveList workspace={workspace} />
    </Menu>
  );
}
