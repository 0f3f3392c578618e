import { useEffect, useRef, useState } from "preact/hooks";

import { thumbnailPath, type SeriesSummary } from "@/dicomweb/client";
import type { SeriesContent } from "@/dicomweb/frames";
import { Tag, text } from "@/dicomweb/json";
import { counted, t } from "@/i18n";
import { formatDate } from "@/i18n/format";
import type { MixedSeries } from "@/model/mixedSeries";
import type { Pane } from "@/model/pane";
import type { SeriesLoad } from "@/model/seriesLibrary";
import { clipsOf, laidOverAmong, readableAmong } from "@/model/seriesParts";
import { isNoPicture } from "@/model/study";
import type { Workspace } from "@/model/workspace";
import { distanceWords } from "@/ui/CompareMenu";
import { Icon } from "@/ui/icons";
import { KeptPicture } from "@/ui/KeptPicture";
import { objectKind } from "@/ui/objectKinds";
import { kindOfObject } from "@/ui/objectTitle";
import { SERIES_DRAG_TYPE } from "@/ui/seriesDrag";
import { SeriesParts } from "@/ui/SeriesParts";
import { followRest } from "@/ui/rightPress";
import { seriesTitle } from "@/ui/seriesTitle";

const THUMBNAIL_SIZE = 128;

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
  useEffect(() => (strip.current ? keepInSight(strip.current) : undefined), [strip.current]);
  return (
    <nav ref={strip} class="series-strip" aria-label={t("study.series")} data-single={all.length === 1 && others.length === 0 && !all.some((series) => hasParts(workspace, series))}>
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

/** A device that is turned on its side leaves the strip at its beginning. */
function keepInSight(strip: HTMLElement): () => void {
  const resizing = new ResizeObserver(() => strip.querySelector("[aria-current=true]")?.scrollIntoView({ block: "nearest", inline: "nearest" }));
  resizing.observe(strip);
  return () => resizing.disconnect();
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
  const load = loadOf(workspace, series);
  const content = load?.content.value ?? NOTHING;
  return (
    <>
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
        <Thumbnail series={series} content={content} isAwaited={isOfObjects(series) && !load?.loaded.value && !load?.failure.value} />
        <span class="series-words">
          <span class="series-title">{seriesTitle(series)}</span>
          <span class="muted">
            <span class="modality">{text(content.frames[0]?.dataset ?? {}, Tag.Modality) || series.modality || "?"}</span> <Extent series={series} content={content} />
          </span>
        </span>
      </button>
      <SeriesParts workspace={workspace} series={series} content={content} current={current} />
    </>
  );
}

/** Modalities of a few objects with many frames each, or of videos, whose metadata are small. */
const MOVING: ReadonlySet<string> = new Set(["XA", "RF", "US", "IVUS", "ES", "NM", "XC", "GM"]);
const MOVING_MOST = 20;
const NOTHING: SeriesContent = { frames: [], others: [], slides: [], marked: [] };

function isOfObjects({ modality, numberOfInstances }: SeriesSummary): boolean {
  return MOVING.has(modality) && numberOfInstances <= MOVING_MOST;
}

function isMixed({ read, marked }: MixedSeries, { seriesInstanceUid: uid }: SeriesSummary): boolean {
  return read.has(uid) || marked.has(uid);
}

/** Its objects, where the list tells of them or somebody asked for them. */
function loadOf({ study }: Workspace, series: SeriesSummary): SeriesLoad | undefined {
  const wanted = study.firstPicture.settled.value && (isOfObjects(series) || isMixed(study.mixed.value, series));
  return wanted ? study.library.of(series) : study.library.known(series);
}

/** Whether some of its objects have places of their own, or are likely to: the image does not move when they come. */
function hasParts(workspace: Workspace, series: SeriesSummary): boolean {
  const load = loadOf(workspace, series);
  if (!load?.loaded.value) return isOfObjects(series) && series.numberOfInstances > 1;
  return clipsOf(load.content.value.frames).length > 0 || readableAmong(load.content.value).length > 0;
}

/** How much there is: objects, images, or frames where an image has many. */
function Extent({ series, content }: { readonly series: SeriesSummary; readonly content: SeriesContent }) {
  const { frames, slides, others } = content;
  const isWithoutImages = frames.length + slides.length === 0 && (isNoPicture(series.modality) || others.length > 0);
  if (isWithoutImages) return <>{counted("study.objects", series.numberOfInstances)}</>;
  if (frames.some(({ numberOfFrames }) => numberOfFrames > 1)) return <>{counted("study.frames", frames.length)}</>;
  return <>{counted("study.images", series.numberOfInstances - readableAmong(content).length - laidOverAmong(content).length)}</>;
}

interface ThumbnailProps {
  readonly series: SeriesSummary;
  readonly content: SeriesContent;
  /** It will be known what is in it: there may be no picture of that. */
  readonly isAwaited: boolean;
}

function Thumbnail({ series, content: { frames, slides, others }, isAwaited }: ThumbnailProps) {
  const [failed, setFailed] = useState(false);
  const [first] = others;
  const hasPictures = frames.length + slides.length > 0;
  const noPicture = failed || (!hasPictures && (isAwaited || first !== undefined || (isNoPicture(series.modality) && series.modality !== "SEG")));
  const icon = first && !hasPictures ? kindOfObject(first).icon : isNoPicture(series.modality) ? objectKind("", series.modality).icon : "image";
  return (
    <span class="series-picture">
      {noPicture ? (
        <Icon name={icon} />
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
