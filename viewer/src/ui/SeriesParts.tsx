/** What of a series has a place of its own in the list: each clip with its picture, each document among the images. */

import { useEffect, useRef } from "preact/hooks";

import { imageThumbnailPath, type SeriesSummary } from "@/dicomweb/client";
import type { SeriesContent } from "@/dicomweb/frames";
import { Tag, text } from "@/dicomweb/json";
import { counted, t } from "@/i18n";
import { clipsOf, openPart, readableAmong } from "@/model/seriesParts";
import type { Workspace } from "@/model/workspace";
import { Icon } from "@/ui/icons";
import { KeptPicture } from "@/ui/KeptPicture";
import { kindOfObject, objectTitle } from "@/ui/objectTitle";
import { SERIES_DRAG_TYPE } from "@/ui/seriesDrag";

const PICTURE_SIZE = 128;

interface SeriesPartsProps {
  readonly workspace: Workspace;
  readonly series: SeriesSummary;
  readonly content: SeriesContent;
  /** Whether the active viewport shows the series. */
  readonly current: boolean;
}

export function SeriesParts({ workspace, series, content, current }: SeriesPartsProps) {
  const pane = workspace.active.value;
  const document = pane.showing.value?.options?.["object"];
  const lookedAt = current ? (document ?? pane.object.value) : undefined;
  const clips = clipsOf(content.frames);
  const { studyInstanceUid, seriesInstanceUid } = series;
  return (
    <>
      {clips.map(({ sopInstanceUid, frames, number }) => (
        <Part key={sopInstanceUid} workspace={workspace} series={series} uid={sopInstanceUid} current={lookedAt === sopInstanceUid}>
          <span class="series-picture">
            <KeptPicture path={imageThumbnailPath(studyInstanceUid, seriesInstanceUid, sopInstanceUid, PICTURE_SIZE)} alt="" failed={() => {}} />
          </span>
          <span class="series-words">
            <span class="series-title">
              {number === undefined ? t("viewport.image") : t("viewport.loop", { index: number, total: clips.filter((clip) => clip.number !== undefined).length })}
            </span>
            {number !== undefined && <span class="muted">{counted("study.frames", frames)}</span>}
          </span>
        </Part>
      ))}
      {readableAmong(content).map((dataset) => {
        const uid = text(dataset, Tag.SOPInstanceUID);
        return (
          <Part key={uid} workspace={workspace} series={series} uid={uid} current={lookedAt === uid}>
            <span class="series-picture">
              <Icon name={kindOfObject(dataset).icon} />
            </span>
            <span class="series-words">
              <span class="series-title">{objectTitle(dataset)}</span>
            </span>
          </Part>
        );
      })}
    </>
  );
}

interface PartProps extends Omit<SeriesPartsProps, "content"> {
  readonly uid: string;
  readonly children: preact.ComponentChildren;
}

function Part({ workspace, series, uid, current, children }: PartProps) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (current) button.current?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [current]);
  return (
    <button
      ref={button}
      type="button"
      class="series part"
      data-testid="series-part"
      data-object-uid={uid}
      aria-current={current}
      draggable
      onDragStart={(event) => event.dataTransfer?.setData(SERIES_DRAG_TYPE, `${series.seriesInstanceUid} ${uid}`)}
      onClick={() => openPart(workspace, series, uid)}
    >
      {children}
    </button>
  );
}
