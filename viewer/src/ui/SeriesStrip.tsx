import { useEffect, useRef, useState } from "preact/hooks";

import { thumbnailPath, type SeriesSummary } from "@/dicomweb/client";
import { Tag, text } from "@/dicomweb/json";
import { counted, t } from "@/i18n";
import { formatDate } from "@/i18n/format";
import type { Pane } from "@/model/pane";
import { isNoPicture } from "@/model/study";
import type { Workspace } from "@/model/workspace";
import { distanceWords } from "@/ui/CompareMenu";
import { Icon } from "@/ui/icons";
import { KeptPicture } from "@/ui/KeptPicture";
import { objectKind } from "@/ui/objectKinds";
import { followRest } from "@/ui/rightPress";
import { seriesTitle } from "@/ui/seriesTitle";

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
  const others = workspace.beside.studies.value;
  const strip = useRef<HTMLElement>(null);
  useEffect(() => (strip.current ? followMenu(strip.current, workspace) : undefined), [workspace, strip.current]);
  return (
    <nav ref={strip} class="series-strip" aria-label={t("study.series")} data-single={all.length === 1 && others.length === 0}>
      <Thumbnails workspace={workspace} series={all} active={active} shown={shown} />
      {others.map((series) => (
        <SeriesBeside key={series[0]?.studyInstanceUid} workspace={workspace} series={series} active={active} shown={shown} />
      ))}
    </nav>
  );
}

interface ThumbnailsProps {
  readonly workspace: Workspace;
  readonly series: readonly SeriesSummary[];
  readonly active: string | undefined;
  readonly shown: ReadonlySet<string | undefined>;
}

/** The series of one study: which of them are on the screen, and which is in the active place. */
function Thumbnails({ workspace, series: all, active, shown }: ThumbnailsProps) {
  return (
    <>
      {all.map((series) => (
        <SeriesThumbnail
          key={series.seriesInstanceUid}
          workspace={workspace}
          series={series}
          current={series.seriesInstanceUid === active}
          shown={shown.has(series.seriesInstanceUid)}
          select={() => workspace.beside.showSeries(series)}
        />
      ))}
    </>
  );
}

/** All series of an examination that stands beside, its report among them, under its date. */
function SeriesBeside({ workspace, series: all, active, shown }: ThumbnailsProps) {
  const uid = all[0]?.studyInstanceUid;
  const prior = workspace.comparing.priors.value?.find(({ studyInstanceUid }) => studyInstanceUid === uid);
  const own = workspace.study.dataset.value;
  const words = prior && own ? distanceWords(text(own, Tag.StudyDate), prior.date) : "";
  return (
    <section class="series-beside" data-testid="series-beside" data-study-uid={uid} aria-labelledby={`beside-${uid}`}>
      <h2 id={`beside-${uid}`}>
        {prior && formatDate(prior.date)} <span class="other-study">{words}</span> <span class="muted">{prior?.description}</span>
      </h2>
      <Thumbnails workspace={workspace} series={all} active={active} shown={shown} />
    </section>
  );
}

/** Where a thumbnail's own menu is wanted: by the right button or the menu key, by a finger that rests. */
function followMenu(strip: HTMLElement, workspace: Workspace): () => void {
  const closing = new AbortController();
  const at = (target: EventTarget | null): SeriesSummary | undefined => {
    const uid = target instanceof Element ? target.closest<HTMLElement>(".series")?.dataset["seriesUid"] : undefined;
    return workspace.mayReject.peek() ? workspace.study.series.peek().find(({ seriesInstanceUid }) => seriesInstanceUid === uid) : undefined;
  };
  const open = (x: number, y: number, series: SeriesSummary | undefined): void => {
    if (series) workspace.context.value = { x, y, reading: undefined, series };
  };
  const onMenu = (event: MouseEvent): void => {
    const series = at(event.target);
    if (series) event.preventDefault();
    open(event.clientX, event.clientY, series);
  };
  strip.addEventListener("contextmenu", onMenu, { signal: closing.signal });
  // not every phone tells of a finger that rests as of the right button
  followRest(strip, { signal: closing.signal, capture: true }, (event) => at(event.target) !== undefined, (x, y) => open(x, y, at(document.elementFromPoint(x, y))), () => (workspace.context.value = undefined));
  return () => closing.abort();
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
          key={series.numberOfInstances} // of another image, where that was taken away
          path={thumbnailPath(series.studyInstanceUid, series.seriesInstanceUid, THUMBNAIL_SIZE)}
          alt=""
          failed={() => setFailed(true)}
        />
      )}
    </span>
  );
}
