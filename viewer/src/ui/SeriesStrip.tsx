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
  const all = workspace.study.series.value;
  return (
    <nav class="series-strip" aria-label={t("study.series")} data-single={all.length === 1}>
      {all.map((series) => (
        <SeriesThumbnail
          key={series.seriesInstanceUid}
          workspace={workspace}
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
  readonly workspace: Workspace;
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

function SeriesThumbnail({ workspace, series, current, shown, select }: SeriesThumbnailProps) {
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
          <span class="modality">{series.modality || "?"}</span> <Extent workspace={workspace} series={series} />
        </span>
      </span>
    </button>
  );
}

/** Modalities of a few objects with many frames each, whose metadata are small. */
const MOVING: ReadonlySet<string> = new Set(["XA", "RF", "US", "IVUS", "ES", "NM"]);
const MOVING_MOST = 20;

/** How much there is: objects, images, or frames where an image has many. */
function Extent({ workspace, series }: Pick<SeriesThumbnailProps, "workspace" | "series">) {
  const { study } = workspace;
  const wanted = MOVING.has(series.modality) && series.numberOfInstances <= MOVING_MOST && study.firstPicture.settled.value;
  const load = wanted ? study.library.of(series) : study.library.known(series);
  const frames = load?.content.value.frames ?? [];
  if (isNoPicture(series.modality)) return <>{counted("study.objects", series.numberOfInstances)}</>;
  if (frames.some(({ numberOfFrames }) => numberOfFrames > 1)) return <>{counted("study.frames", frames.length)}</>;
  return <>{counted("study.images", series.numberOfInstances)}</>;
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
