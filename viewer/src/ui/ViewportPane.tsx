import { batch } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";

import { chestWallOf } from "@/dicomweb/chestWall";
import { renderedPath } from "@/dicomweb/client";
import type { Frame } from "@/dicomweb/frames";
import { number, Tag } from "@/dicomweb/json";
import { t } from "@/i18n";
import { afterPaint } from "@/model/painted";
import type { Pane } from "@/model/pane";
import type { Workspace } from "@/model/workspace";
import { openingOf, type Ends, type Opening } from "@/tools/presets";
import { CineBar } from "@/ui/CineBar";
import { StackCurve } from "@/ui/curved/CurveLayer";
import { CurvePanel } from "@/ui/CurvePanel";
import { Guides } from "@/ui/Guides";
import { Icon } from "@/ui/icons";
import { loadViewport } from "@/ui/lazyViewport";
import { StackMarks } from "@/ui/marks/MarksCanvas";
import { StackPlanes } from "@/ui/marks/PlanesCanvas";
import { Overlay } from "@/ui/Overlay";
import { PresentationMarks } from "@/ui/PresentationMarks";
import { PresentedPicture } from "@/ui/PresentedPicture";
import type { PaneProps } from "@/ui/paneProps";
import { RemovalNotice } from "@/ui/RemovalNotice";
import { StackFusionBar, StackFusionLayer } from "@/ui/StackFusion";
import type { StackListener, StackView } from "@/viewport/contract";
import type { VolumeFailure } from "@/viewport/volumeContract";

/** The images: the node's preview at once, the diagnostic viewport in its place as soon as it has painted. */
export function ViewportPane({ workspace, pane }: PaneProps) {
  const element = useRef<HTMLDivElement>(null);
  const { frames } = pane.content.value;
  const [previewDone, setPreviewDone] = useState(false);
  const [unfused, setUnfused] = useState<VolumeFailure | undefined>(undefined);
  const [ends, setEnds] = useState<Ends | undefined>(undefined);
  useViewport(element, previewDone, workspace, pane);
  const index = pane.imageIndex.value;
  const { window, zoom, inverted } = pane.view.value;
  const frame = pane.frame.value;
  return (
    <>
      <div
        class="viewport"
        data-testid="viewport"
        tabIndex={0}
        role="application"
        aria-label={t("viewport.label", { index: index + 1, total: frames.length })}
        data-image-index={index}
        data-image-count={frames.length}
        data-bytes-left={Math.round(pane.bytesLeft.value)}
        data-loaded-images={pane.loadedImages.value}
        data-series-uid={frame?.seriesInstanceUid}
        data-sop-instance-uid={frame?.sopInstanceUid}
        data-frame-number={frame?.frameNumber}
        data-window-center={window?.center}
        data-window-width={window?.width}
        data-zoom={zoom.toFixed(3)}
        data-inverted={inverted}
      >
        <div ref={element} class="canvas-place" />
        {frame && <Preview workspace={workspace} frame={frame} pane={pane} done={() => setPreviewDone(true)} />}
        {frame && <StackFusionLayer workspace={workspace} pane={pane} frame={frame} setFailed={setUnfused} setEnds={setEnds} />}
        {frame && <StackMarks workspace={workspace} pane={pane} frame={frame} />}
        {frame && <StackCurve workspace={workspace} pane={pane} frame={frame} />}
        {frame && <Guides workspace={workspace} pane={pane} frame={frame} />}
        {frame && <PresentedPicture workspace={workspace} pane={pane} frame={frame} />}
        {frame && <PresentationMarks workspace={workspace} pane={pane} frame={frame} />}
        {frame && <StackPlanes workspace={workspace} pane={pane} frame={frame} />}
        {frame && <Overlay workspace={workspace} pane={pane} frame={frame} />}
        <CurvePanel pane={pane} />
        <RemovalNotice pane={pane} />
      </div>
      {frames.length > 1 && <StackSlider workspace={workspace} pane={pane} />}
      {frame && <StackFusionBar workspace={workspace} pane={pane} frame={frame} failed={unfused} ends={ends} />}
      {pane.cine.open.value && <CineBar pane={pane} />}
    </>
  );
}

const PREVIEW_QUALITY = 75;
const PREVIEW_LONGEST = 1024;
const PREVIEW_PATIENCE_MS = 1500;
/** What is around the image is inverted with it, and stays black. */
const INVERTED = { filter: "invert(1)", background: "#fff" } as const;

interface PreviewProps extends PaneProps {
  readonly frame: Frame;
  /** The picture is there, or will not come: the link is free for the diagnostic viewport. */
  done(): void;
}

function Preview({ workspace, pane, frame, done }: PreviewProps) {
  const { kind } = pane.shown.value;
  useEffect(() => {
    const timer = setTimeout(done, PREVIEW_PATIENCE_MS);
    return () => clearTimeout(timer);
  }, []);
  if (kind !== "preview") return null;
  const first = workspace.study.firstPicture.picture.value;
  const opening = openingOf(frame.dataset);
  const opened = first?.sopInstanceUid === frame.sopInstanceUid && first.frameNumber === frame.frameNumber;
  return (
    <img
      class="preview"
      style={{ ...(opening.inverted && INVERTED), objectPosition: chestWallOf(frame.dataset) }}
      src={opened && !opening.inverted ? first.url : previewPath(frame, opening)}
      alt={t("viewport.preview.explain")}
      onLoad={() => afterPaint(done)}
      onError={done}
    />
  );
}

/** At most as large as the screen, and as the image: more pixels hold nothing more. */
function previewPath(frame: Frame, { range }: Opening): string {
  const [columns, rows] = [number(frame.dataset, Tag.Columns) ?? 1, number(frame.dataset, Tag.Rows) ?? 1];
  const screen = Math.ceil(Math.max(innerWidth, innerHeight) * devicePixelRatio);
  const size = Math.min(PREVIEW_LONGEST, screen, Math.max(columns, rows));
  return renderedPath(frame, size, size, PREVIEW_QUALITY, range && [range.lower, range.upper]);
}

/** The study's first picture, while nothing else is known of it; in the place that it will have among the images. */
export function FirstPicturePane({ workspace }: PaneProps) {
  const { picture } = workspace.study.firstPicture;
  return (
    <>
      <div class="viewport" data-testid="first-picture">
        <img class="preview" src={picture.value?.url} alt={t("viewport.preview.explain")} />
        <div class="overlay">
          <div class="state" role="status">
            <span class="badge" title={t("viewport.preview.explain")}>
              {t("viewport.preview")} · {t("notForDiagnosis")}
            </span>
          </div>
        </div>
      </div>
      {!isAlone(workspace) && <div class="slider" />}
    </>
  );
}

/** Whether it is the only image of its series, as far as is known: most series have many. */
function isAlone({ study }: Workspace): boolean {
  const picture = study.firstPicture.picture.value;
  const series = study.series.value.find(({ seriesInstanceUid }) => seriesInstanceUid === picture?.seriesInstanceUid);
  return series?.numberOfInstances === 1 && picture?.isOfMany === false;
}

/** Fetch the diagnostic viewport when `wanted`, and keep it showing what the pane says. */
function useViewport(
  element: { readonly current: HTMLDivElement | null },
  wanted: boolean,
  workspace: Workspace,
  pane: Pane,
): void {
  const { frames } = pane.content.value;
  const [stack, setOpened] = useState<StackView | undefined>(undefined);
  useEffect(() => {
    if (!wanted) return undefined;
    let left = false;
    let opened: StackView | undefined;
    loadViewport()
      .then(({ openStackView }) => {
        if (left || !element.current) return;
        opened = openStackView(element.current, listener(workspace, pane));
        opened.setTool(workspace.tool.peek());
        pane.controls.value = opened;
        setOpened(opened);
      })
      .catch(() => {
        workspace.broken.value = true;
      });
    return () => {
      left = true;
      opened?.close();
      setOpened(undefined);
      if (pane.controls.peek() === opened) pane.controls.value = undefined;
      pane.tell(undefined);
      pane.shown.value = { kind: "preview" };
    };
  }, [wanted, workspace, pane]);
  useEffect(() => {
    stack?.setStack(frames, pane.imageIndex.peek());
  }, [stack, frames]);
}

function listener(workspace: Workspace, pane: Pane): StackListener {
  return {
    moved: (index) => pane.moved(index),
    pointed: (pixel) => {
      const over = pixel && pane.valueOver?.(pixel);
      pane.pixel.value = pixel && over ? { ...pixel, over } : pixel;
    },
    painted: (index, quality) => {
      if (index === pane.imageIndex.peek()) pane.shown.value = { kind: "ready", quality };
    },
    aimed: (point) => workspace.aim(pane, point),
    askText: (done) => {
      workspace.question.value = done;
    },
    viewed: (view) => {
      pane.view.value = view;
    },
    loaded: (count, bytesLeft) => {
      batch(() => {
        pane.loadedImages.value = count;
        pane.bytesLeft.value = bytesLeft;
      });
    },
    failed: (index) => {
      if (index === pane.imageIndex.peek()) pane.shown.value = { kind: "failed" };
    },
  };
}

function StackSlider({ workspace, pane }: PaneProps) {
  const total = pane.content.value.frames.length;
  const index = pane.imageIndex.value;
  const loaded = Math.min(total, pane.loadedImages.value);
  const isMoving = (pane.frame.value?.numberOfFrames ?? 1) > 1;
  return (
    <div class="slider">
      {isMoving && !pane.cine.open.value && (
        <button
          type="button"
          class="button quiet phone-only slider-cine"
          data-testid="slider-cine"
          title={t("tool.cine.explain")}
          onClick={() => workspace.press("cine")}
        >
          <Icon name="play" />
          <span class="hidden-label">{t("tool.cine.explain")}</span>
        </button>
      )}
      <div class="slider-way" title={t("viewport.loaded", { loaded, total })}>
        <progress class="slider-loaded" max={total} value={loaded} aria-hidden="true" />
        <input
          type="range"
          data-testid="image-slider"
          data-keys="images"
          min={0}
          max={total - 1}
          value={index}
          aria-label={t("viewport.slider")}
          aria-valuetext={t("viewport.label", { index: index + 1, total })}
          onInput={(event) => pane.goTo(Number(event.currentTarget.value))}
        />
      </div>
    </div>
  );
}
