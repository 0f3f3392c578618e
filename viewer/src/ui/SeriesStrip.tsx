import { useEffect, useRef, useState } from "preact/hooks";

import { thumbnailPath, type SeriesSummary } from "@/dicomweb/client";
import { counted, t } from "@/i18n";
import type { Pane } from "@/model/pane";
import { isNoPicture } from "@/model/study";
import type { Workspace } from "@/model/workspace";
import { Icon } from "@/ui/icons";
import { KeptPicture } from "@/ui/KeptPicture";
import { objectKind } from "@/ui/objectKinds";

const THUMBNAIL_SIZE = 128;

/** What a dragged series is known by while it is over a viewport. */
export const SERIES_DRAG_TYPE = "application/x-suret-series";

function uidOf(pane: Pane): string | undefined {
  return pane.showing.value?.series.seriesInstanceUid;
}

export function SeriesStrip({ workspace }: { readonly workspace: Workspace }) {
  const active = uidOf(workspace.active.value);
  const shown = new Set(workspace.panes.value.map(uidOf));
  return (
    <nav class="series-strip" aria-label={t("study.series")}>
      {workspace.study.series.value.map((series) => (
        <SeriesThumbnail
          key={series.seriesInstanceUid}
          series={series}
          current={series.seriesInstanceUid === active}
          shown={shown.has(series.seriesInstanceUid)}
          select={() => workspace.showSeries(series)}
        />
      ))}
    </nav>
  );
}

interface SeriesThumbnailProps {
  readonly series: SeriesSummary;
  /** Whether the active viewport shows it. */
  readonly current: boolean;
  /** Whether any viewport does. */
  readonly shown: boolean;
  select(): void;
}

/** What a series is called: its description, else its body part, else what it is or its number. */
export function seriesTitle(series: SeriesSummary): string {
  const { description, bodyPart, seriesNumber, modality } = series;
  if (description || bodyPart) return description || bodyPart;
  if (isNoPicture(modality)) return t(objectKind("", modality).label);
  return seriesNumber === undefined ? t("study.untitled") : t("study.series.untitled", { number: seriesNumber });
}

function SeriesThumbnail({ series, current, shown, select }: SeriesThumbnailProps) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (current) button.current?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [current]);
  return (
    <button
      ref={button}
      type="button"
      class="series"
      data-testid="series-thumbnail"
      data-series-uid={series.seriesInstanceUid}
      data-shown={shown}
      aria-current={current}
      draggable
      onDragStart={(event) => event.dataTransfer?.setData(SERIES_DRAG_TYPE, series.seriesInstanceUid)}
      onClick={select}
    >
      <Thumbnail series={series} />
      <span class="series-words">
        <span class="series-title">{seriesTitle(series)}</span>
        <span class="muted">
          <span class="modality">{series.modality || "?"}</span>{" "}
          {counted(isNoPicture(series.modality) ? "study.objects" : "study.images", series.numberOfInstances)}
        </span>
      </span>
    </button>
  );
}

function Thumbnail({ series }: { readonly series: SeriesSummary }) {
  const [failed, setFailed] = useState(false);
  const noPicture = failed || (isNoPicture(series.modality) && series.modality !== "SEG");
  return (
    <span class="series-picture">
      {noPicture ? (
        <Icon name={isNoPicture(series.modality) ? objectKind("", series.modality).icon : "image"} />
      ) : (
        <KeptPicture
          path={thumbnailPath(series.studyInstanceUid, series.seriesInstanceUid, THUMBNAIL_SIZE)}
          alt=""
          failed={() => setFailed(true)}
        />
      )}
    </span>
  );
}
