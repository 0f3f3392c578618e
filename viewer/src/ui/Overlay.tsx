/** The texts over the image: whose it is, which one, how it is shown, and what to beware of. */

import { orientationLetters, type Frame } from "@/dicomweb/frames";
import { freeSideOf } from "@/dicomweb/chestWall";
import { number, Tag, text } from "@/dicomweb/json";
import { reachable } from "@/dicomweb/reach";
import { slicePosition } from "@/dicomweb/projection";
import { counted, t } from "@/i18n";
import { isLaidOver } from "@/model/seriesParts";
import type { Pane, Shown } from "@/model/pane";
import { Icon } from "@/ui/icons";
import { LinkMark, PatientCorner, PositionText, StudyCorner, TurnedMark } from "@/ui/Identity";
import { MarksPanel } from "@/ui/marks/MarksPanel";
import { NotForDiagnosis } from "@/ui/NotForDiagnosis";
import { PixelReadout, SpacingMark } from "@/ui/PixelReadout";
import type { PaneProps } from "@/ui/paneProps";
import { SubtractionMark } from "@/ui/PresentedPicture";
import { QualityMark, type Mark } from "@/ui/QualityMark";
import { SideLetters } from "@/ui/SideLetters";
import { TrueSizeMark } from "@/ui/TrueSize";
import { windowText } from "@/ui/windowText";

interface OverlayProps extends PaneProps {
  readonly frame: Frame;
}

export function Overlay({ workspace, pane, frame }: OverlayProps) {
  const all = workspace.switches.overlays.value;
  return (
    <div class="overlay" data-full={all} data-free={freeSideOf(frame.dataset, pane.view.value.turned)}>
      {all ? (
        <PatientCorner dataset={frame.dataset}>
          <MarksPanel workspace={workspace} pane={pane} frame={frame} />
        </PatientCorner>
      ) : (
        <div class="corner top-left">
          <MarksPanel workspace={workspace} pane={pane} frame={frame} />
        </div>
      )}
      <StudyCorner workspace={workspace} pane={pane} frame={frame} all={all} />
      <ImageCorner workspace={workspace} pane={pane} frame={frame} />
      {all && <ViewCorner workspace={workspace} pane={pane} frame={frame} />}
      <Letters pane={pane} frame={frame} />
      {workspace.isKey(frame) && (
        <span class="key-mark" data-testid="key-image" title={t("tool.key.marked")}>
          <Icon name="key" />
        </span>
      )}
      <StateMark workspace={workspace} pane={pane} />
    </div>
  );
}

function ImageCorner({ workspace, pane, frame }: OverlayProps) {
  const { frames, others } = pane.content.value;
  const beside = others.filter((dataset) => !isLaidOver(text(dataset, Tag.SOPClassUID)));
  const series = pane.showing.value?.series;
  const loop = pane.loop.value;
  const thickness = number(frame.dataset, Tag.SliceThickness);
  const all = workspace.switches.overlays.value;
  return (
    <div class="corner bottom-left">
      <LinkMark workspace={workspace} pane={pane} />
      <TurnedMark pane={pane} />
      <SubtractionMark workspace={workspace} pane={pane} />
      {all && beside.length > 0 && series && (
        <button type="button" class="button also-others" data-testid="also-others" onClick={() => workspace.show({ kind: "document", series }, pane)}>
          {counted("study.alsoOthers", beside.length)}
        </button>
      )}
      {all && thickness !== undefined && <span>{t("viewport.thickness", { mm: thickness })}</span>}
      {all && <PositionText position={slicePosition(frame.dataset)} />}
      {all && (
        <span class="image-number">
          {loop && `${t("viewport.loop", { index: loop.number, total: loop.total })} · `}
          {t("viewport.image")} <span data-testid="image-index">{pane.imageIndex.value + 1}</span> / {frames.length}
        </span>
      )}
    </div>
  );
}

const FITS_WITHIN = 0.005; // of the zoom

/** How large the image is, not the viewport: 100 % where each of its pixels has one of the screen. */
function zoomText(zoom: number, scale = zoom): string {
  const percent = scale < 0.1 ? Math.round(scale * 1000) / 10 : Math.round(scale * 100);
  return [t("viewport.zoom", { percent }), ...(Math.abs(zoom - 1) < FITS_WITHIN ? [t("viewport.fit")] : [])].join(" · ");
}

function ViewCorner({ workspace, pane, frame: { dataset } }: OverlayProps) {
  const { window, zoom, scale } = pane.view.value;
  const quality = qualityOf(pane.shown.value);
  const isLossy = text(dataset, Tag.LossyImageCompression) === "01";
  return (
    <div class="corner bottom-right">
      {pane.pixel.value && <PixelReadout pixel={pane.pixel.value} dataset={dataset} />}
      <SpacingMark dataset={dataset} short={workspace.panes.value.length > 1 && !workspace.oneUp.value} />
      {isLossy && quality !== "full" && <span class="caution">{t("viewport.lossy")}</span>}
      <QualityMark mark={quality} bytesLeft={pane.bytesLeft.value} lossy={isLossy} />
      <TrueSizeMark dataset={dataset} scale={scale} />
      {quality !== "preview" && <span data-testid="zoom-text">{zoomText(zoom, scale)}</span>}
      {window && (
        <span data-testid="window-text">
          {windowText(window, dataset)}
        </span>
      )}
    </div>
  );
}

/** As the image is turned on the screen. */
function Letters({ pane, frame }: { readonly pane: Pane; readonly frame: Frame }) {
  return <SideLetters letters={orientationLetters(frame.dataset, pane.view.value.turned)} />;
}

/** The mark of what is on the screen; undefined when nothing is. */
function qualityOf(shown: Shown): Mark | undefined {
  if (shown.kind === "preview") return "preview";
  if (shown.kind !== "ready") return undefined;
  return shown.quality === "diagnostic" ? "full" : shown.quality;
}

/** The mark on the picture's quality; also for tests and assistive technology, in `data-state`. */
function StateMark({ workspace, pane }: PaneProps) {
  const shown = pane.shown.value;
  return (
    <div class="state" role="status" data-testid="viewport-state" data-state={qualityOf(shown) === "partial" ? "partial" : shown.kind}>
      {shown.kind === "preview" && (
        <span class="badge" title={t("viewport.preview.explain")}>
          {t("viewport.preview")} · {t("notForDiagnosis")}
        </span>
      )}
      {shown.kind === "loading" && <span class="badge">{t("app.loading")}</span>}
      {qualityOf(shown) === "partial" && (
        <span class="badge" title={t("viewport.partial.explain")}>
          {t("quality.partial")} · {t("notForDiagnosis")}
        </span>
      )}
      {qualityOf(shown) === "rendered" && <NotForDiagnosis words={t("viewport.rendered")} />}
      {shown.kind === "failed" && (
        <div class="failed" data-testid="image-failure">
          <Icon name="warning" />
          <p class="note-title">{t("viewport.failed")}</p>
          <p>{t(reachable.value ? "viewport.failed.hint" : "offline.notHere")}</p>
        </div>
      )}
      {workspace.broken.value && <span class="badge caution-badge">{t("viewport.broken")}</span>}
    </div>
  );
}
