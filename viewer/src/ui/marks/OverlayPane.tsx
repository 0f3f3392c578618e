/** A segmentation or structure set that was chosen from the series: over the images that it was drawn on. */

import { effect } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";

import { t } from "@/i18n";
import { marksOf } from "@/model/marks";
import { whenLoaded } from "@/model/openImage";
import { DocumentPane } from "@/ui/documents/DocumentPane";
import { goTo } from "@/ui/marks/MarksPanel";
import type { PaneProps } from "@/ui/paneProps";
import { ViewportPane } from "@/ui/ViewportPane";

export function OverlayPane({ workspace, pane }: PaneProps) {
  const study = marksOf(workspace);
  const series = pane.showing.value?.series;
  const [alone, setAlone] = useState(false);
  useEffect(() => {
    if (!series) return undefined;
    study.ask();
    return effect(() => {
      const own = study.all.value.filter((marks) => marks.series.seriesInstanceUid === series.seriesInstanceUid);
      const [first] = own;
      if (!first) return;
      const images = workspace.study.series.value.find((one) => first.source.referencedSeries.includes(one.seriesInstanceUid));
      if (!images) {
        setAlone(true);
        return;
      }
      queueMicrotask(() => {
        for (const marks of own) marks.turn(true);
        // a whole slide has no marks on it, its tiles have
        if (images.modality === "SM") workspace.show({ kind: "stack", series: images, options: { own: true } }, pane);
        else workspace.showSeries(images, pane);
        const middle = first.parts.find((part) => part.middle)?.middle;
        if (middle) whenLoaded(pane, images, () => goTo(workspace, pane, middle));
      });
    });
  }, [series]);
  if (!alone) {
    return (
      <div class="waiting-stage" aria-busy="true">
        <p class="muted">{t("app.loading")}</p>
      </div>
    );
  }
  // its images are not here: its own frames, or in words what it is
  return pane.content.value.frames.length > 0 ? <ViewportPane workspace={workspace} pane={pane} /> : <DocumentPane workspace={workspace} pane={pane} />;
}
