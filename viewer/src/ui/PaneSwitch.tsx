/** On a phone, where one viewport fills the screen: which of those that stand is seen. */

import { Tag, text } from "@/dicomweb/json";
import { t } from "@/i18n";
import { formatDate } from "@/i18n/format";
import type { Pane } from "@/model/pane";
import type { Workspace } from "@/model/workspace";
import { seriesTitle } from "@/ui/seriesTitle";

const PLANES = ["axial", "coronal", "sagittal"] as const;

/** The date first: it is what tells a study from the one before it. */
function paneName(pane: Pane): string {
  const { value: frame } = pane.frame;
  const series = pane.showing.value?.series;
  const plane = PLANES.find((name) => name === pane.showing.value?.options?.["plane"]);
  if (plane) return t(`mpr.${plane}`);
  if (pane.showing.value?.kind === "curved") return t("volume.curved");
  const date = frame ? formatDate(text(frame.dataset, Tag.StudyDate)) : "";
  return [date, series ? seriesTitle(series) : t("pane.empty")].filter((part) => part !== "").join(" · ");
}

export function PaneSwitch({ workspace }: { readonly workspace: Workspace }) {
  const panes = workspace.panes.value;
  if (panes.length < 2) return null;
  return (
    <div class="pane-switch" role="group" aria-label={t("phone.panes")}>
      {panes.map((pane, index) => (
        <button
          key={pane.id}
          type="button"
          data-testid="pane-switch"
          aria-pressed={workspace.active.value === pane}
          onClick={() => workspace.activate(pane)}
        >
          <span class="pane-number">{index + 1}</span>
          <span class="pane-name">{paneName(pane)}</span>
        </button>
      ))}
    </div>
  );
}
