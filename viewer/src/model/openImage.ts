/** From a document to the image that it speaks of. */

import type { SeriesSummary } from "@/dicomweb/client";
import { isPhone } from "@/model/device";
import { once } from "@/model/once";
import type { Pane } from "@/model/pane";
import type { Workspace } from "@/model/workspace";

/** Show an image of `series`, beside the viewport `from` where there is another, else in its place. */
export function openImage(
  workspace: Workspace,
  from: Pane,
  series: SeriesSummary,
  sopInstanceUid: string,
  frameNumber = 1,
): void {
  const beside = isPhone() ? undefined : workspace.panes.peek().find((pane) => pane !== from);
  const pane = beside ?? from;
  workspace.showSeries(series, pane);
  whenLoaded(pane, series, () => {
    const { frames } = pane.content.peek();
    const index = frames.findIndex((frame) => frame.sopInstanceUid === sopInstanceUid && frame.frameNumber === frameNumber);
    if (index >= 0) pane.goTo(index);
  });
}

/** Once the images of `series` are known in `pane`; never when something else is shown there first. */
export function whenLoaded(pane: Pane, series: SeriesSummary, then: () => void): void {
  const isThere = (): boolean => pane.showing.value?.series.seriesInstanceUid === series.seriesInstanceUid;
  once(
    () => !isThere() || pane.load.value?.loaded.value === true,
    () => isThere() && then(),
  );
}
