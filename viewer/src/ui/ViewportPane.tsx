import { useEffect, useRef, useState } from "preact/hooks";

import { renderedPath } from "@/dicomweb/client";
import type { Frame } from "@/dicomweb/frames";
import { counted, t } from "@/i18n";
import type { OpenStudy } from "@/model/study";
import { loadViewport } from "@/ui/lazyViewport";
import { Overlay } from "@/ui/Overlay";
import type { Reading } from "@/ui/reading";
import type { StackListener } from "@/viewport/contract";

interface ViewportPaneProps {
  readonly study: OpenStudy;
  readonly reading: Reading;
}

/** The images: the node's preview at once, the diagnostic viewport in its place as soon as it has painted. */
export function ViewportPane({ study, reading }: ViewportPaneProps) {
  const element = useRef<HTMLDivElement>(null);
  const { frames } = study.content.value;
  const [previewDone, setPreviewDone] = useState(false);
  useViewport(element, previewDone, study, reading);
  const index = study.imageIndex.value;
  const { window, zoom, inverted } = reading.view.value;
  const frame = study.frame.value;
  return (
    <div class="stage">
      <div
        class="viewport"
        data-testid="viewport"
        tabIndex={0}
        role="application"
        aria-label={t("viewport.label", { index: index + 1, total: frames.length })}
        data-image-index={index}
        data-image-count={frames.length}
        data-loaded-images={reading.loadedImages.value}
        data-sop-instance-uid={frame?.sopInstanceUid}
        data-frame-number={frame?.frameNumber}
        data-window-center={window?.center}
        data-window-width={window?.width}
        data-zoom={zoom.toFixed(3)}
        data-inverted={inverted}
      >
        <div ref={element} class="canvas-place" />
        {frame && <Preview frame={frame} reading={reading} done={() => setPreviewDone(true)} />}
        {frame && <Overlay study={study} reading={reading} frame={frame} />}
        <RemovalNotice reading={reading} />
      </div>
      {frames.length > 1 && <StackSlider study={study} reading={reading} />}
    </div>
  );
}

const PREVIEW_QUALITY = 75;
const PREVIEW_LONGEST = 1024;
const PREVIEW_PATIENCE_MS = 1500;

interface PreviewProps {
  readonly frame: Frame;
  readonly reading: Reading;
  /** The picture is there, or will not come: the link is free for the diagnostic viewport. */
  done(): void;
}

function Preview({ frame, reading, done }: PreviewProps) {
  const place = useRef<HTMLImageElement>(null);
  const { kind } = reading.shown.value;
  useEffect(() => {
    const timer = setTimeout(done, PREVIEW_PATIENCE_MS);
    return () => clearTimeout(timer);
  }, []);
  if (kind !== "preview") return null;
  const size = Math.min(PREVIEW_LONGEST, Math.ceil(Math.max(innerWidth, innerHeight) * devicePixelRatio));
  return (
    <img
      ref={place}
      class="preview"
      src={renderedPath(frame, size, size, PREVIEW_QUALITY)}
      alt={t("viewport.preview.explain")}
      onLoad={done}
      onError={done}
    />
  );
}

/** Fetch the diagnostic viewport when `wanted`, and keep it showing what the study model says. */
function useViewport(
  element: { readonly current: HTMLDivElement | null },
  wanted: boolean,
  study: OpenStudy,
  reading: Reading,
): void {
  const { frames } = study.content.value;
  const stack = reading.stack.value;
  useEffect(() => {
    if (!wanted) return undefined;
    let left = false;
    loadViewport()
      .then(({ openStackView }) => {
        if (left || !element.current) return;
        const opened = openStackView(element.current, listener(study, reading));
        opened.setTool(reading.tool.peek());
        reading.stack.value = opened;
      })
      .catch(() => {
        reading.broken.value = true;
      });
    return () => {
      left = true;
      reading.stack.peek()?.close();
      reading.stack.value = undefined;
      reading.removed.value = undefined;
      reading.shown.value = { kind: "preview" };
    };
  }, [wanted, study, reading]);
  useEffect(() => {
    stack?.setStack(frames, study.imageIndex.peek());
  }, [stack, frames]);
}

function listener(study: OpenStudy, reading: Reading): StackListener {
  return {
    moved: (index) => reading.moved(index),
    pointed: (pixel) => (reading.pixel.value = pixel),
    painted: (index, quality) => {
      if (index === study.imageIndex.peek()) reading.shown.value = { kind: "ready", quality };
    },
    viewed: (view) => {
      reading.view.value = view;
    },
    loaded: (count) => {
      reading.loadedImages.value = count;
    },
    failed: (index) => {
      if (index === study.imageIndex.peek()) reading.shown.value = { kind: "failed" };
    },
  };
}

function RemovalNotice({ reading }: { readonly reading: Reading }) {
  const removed = reading.removed.value;
  return (
    <div class="notice" role="status">
      {removed && (
        <div class="notice-words" data-testid="measurements-removed">
          <span>{counted("measure.removed", removed.count)}</span>
          <button type="button" class="button" data-testid="measurements-undo" onClick={() => reading.undoRemoval()}>
            {t("measure.undo")}
          </button>
        </div>
      )}
    </div>
  );
}

function StackSlider({ study, reading }: ViewportPaneProps) {
  const total = study.content.value.frames.length;
  const index = study.imageIndex.value;
  const loaded = Math.min(total, reading.loadedImages.value);
  return (
    <div class="slider" title={t("viewport.loaded", { loaded, total })}>
      <progress class="slider-loaded" max={total} value={loaded} aria-hidden="true" />
      <input
        type="range"
        data-testid="image-slider"
        min={0}
        max={total - 1}
        value={index}
        aria-label={t("viewport.slider")}
        aria-valuetext={t("viewport.label", { index: index + 1, total })}
        onInput={(event) => reading.goTo(Number(event.currentTarget.value))}
      />
    </div>
  );
}
