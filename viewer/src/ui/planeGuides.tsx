/** What is drawn over a plane that was cut out of a volume to find one's way: where the other planes cut it, a ruler. */

import { crossingOf } from "@/model/planes";
import { PLANE_COLOURS } from "@/tools/planeColours";
import { RulerLine } from "@/ui/Guides";
import type { PaneProps } from "@/ui/paneProps";
import type { PlanePlace } from "@/viewport/volumeContract";

const FAR_PX = 4000; // beyond every viewport

interface PlaneGuidesProps extends PaneProps {
  readonly place: PlanePlace;
}

export function PlaneGuides({ workspace, pane, place }: PlaneGuidesProps) {
  return (
    <svg class="guides" aria-hidden="true">
      {workspace.switches.lines.value && workspace.tool.value !== "crosshair" && <PlaneLines workspace={workspace} pane={pane} place={place} />}
      <RulerLine perMillimetre={1 / place.mmPerPixel} />
    </svg>
  );
}

/** The lines in which the other planes of the volume cut this one; the crosshair, in hand, has its own. */
function PlaneLines({ workspace, pane, place }: PlaneGuidesProps) {
  const series = pane.showing.value?.series.seriesInstanceUid;
  const others = workspace.panes.value.filter((one) => one !== pane && one.showing.value?.series.seriesInstanceUid === series);
  return (
    <svg x="50%" y="50%" overflow="visible">
      {others.map((other) => {
        const cut = other.cut.value;
        const line = cut && crossingOf(place, cut);
        if (!cut || !line) return null;
        const [x, y] = line.through;
        const [right, down] = line.along.map((part) => part * FAR_PX) as [number, number];
        return (
          <line
            key={other.id}
            class="plane-line"
            data-testid="plane-line"
            data-of={cut.plane}
            x1={x - right}
            y1={y - down}
            x2={x + right}
            y2={y + down}
            stroke={PLANE_COLOURS[cut.plane]}
          />
        );
      })}
    </svg>
  );
}
