/** A viewport with what lies along a curve through the series, and with what lies square to it. */

import { useEffect, useMemo, useState } from "preact/hooks";

import type { Frame } from "@/dicomweb/frames";
import { volumeOf, type VolumeGeometry } from "@/dicomweb/geometry";
import { phasesOf } from "@/dicomweb/phases";
import { n, t } from "@/i18n";
import type { CurvedPath } from "@/model/curvedPath";
import { straightened, stretched } from "@/model/reformation";
import { moment } from "@/model/volumes";
import { CurveBar } from "@/ui/curved/CurveBar";
import { CurvePicture } from "@/ui/curved/CurvePicture";
import { Sections } from "@/ui/curved/Sections";
import { PatientCorner, StudyCorner } from "@/ui/Identity";
import type { PaneProps } from "@/ui/paneProps";
import { PixelReadout } from "@/ui/PixelReadout";
import { RenderedPane } from "@/ui/RenderedPane";
import { useVolumeView } from "@/ui/useVolumeView";
import { Refusal, VolumeQuality, VolumeState, type LoadState } from "@/ui/volumeParts";
import { windowText } from "@/ui/windowText";
import type { CurvedView, VolumeFailure } from "@/viewport/volumeContract";

import "@/ui/curved/curved.css";

export function CurvedPane({ workspace, pane }: PaneProps) {
  const { frames } = pane.content.value;
  const phases = useMemo(() => phasesOf(frames), [frames]);
  const shown = phases?.[Math.min(moment.value, phases.length - 1)];
  const found = useMemo(() => volumeOf(shown?.frames ?? frames), [shown, frames]);
  const [failed, setFailed] = useState<VolumeFailure | undefined>(undefined);
  if (!found.volume) return <Refusal refused={found} workspace={workspace} pane={pane} />;
  if (failed) return <RenderedPane workspace={workspace} pane={pane} volume={found.volume} isInTime={(phases?.length ?? 0) > 1} />;
  return <CurvedStage workspace={workspace} pane={pane} volume={found.volume} setFailed={setFailed} />;
}

interface CurvedStageProps extends PaneProps {
  readonly volume: VolumeGeometry;
  setFailed(why: VolumeFailure): void;
}

function CurvedStage({ workspace, pane, volume, setFailed }: CurvedStageProps) {
  const seriesInstanceUid = volume.frames[0]?.seriesInstanceUid ?? "";
  const curve = workspace.curves.through(seriesInstanceUid);
  const { view, state, element } = useVolumeView<CurvedView>({
    workspace,
    pane,
    setFailed,
    subject: volume,
    open: ({ openCurvedView }, _, listener) =>
      openCurvedView({ ...listener, stepped: (count) => goAlong(workspace.curves.through(seriesInstanceUid), count, pane.id) }, volume),
  });
  useEffect(() => {
    curve.fineness.value = Math.min(...volume.spacing);
  }, [curve, volume]);
  const path = curve.path.value;
  const { form, width, turn, slab } = curve.look.value;
  const angle = (turn * Math.PI) / 180;
  const sheet = useMemo(
    () => path && (form === "straightened" ? straightened(path, width, angle) : stretched(path, width, angle)),
    [path, form, width, angle],
  );
  const { mm } = curve.at.value;
  const shown = state.ready ? view : undefined;
  return (
    <div class="volume-stage">
      <div
        ref={element}
        class="viewport curved"
        data-testid="viewport"
        data-curved={form}
        data-length={path?.length}
        data-along={mm}
        tabIndex={0}
        role="application"
        aria-label={t("curved.label", { along: n(mm, 1), length: n(path?.length ?? 0, 1) })}
      >
        {shown && path && sheet && <CurvePicture pane={pane} curve={curve} view={shown} sheet={sheet} slab={slab} />}
        {shown && path && <Sections pane={pane} curve={curve} view={shown} path={path} />}
        {state.ready && !sheet && <p class="curved-hint" data-testid="curve-hint">{t(path ? "curved.flat" : "curved.hint")}</p>}
        <CurvedOverlay workspace={workspace} pane={pane} curve={curve} frame={volume.frames[0]} state={state} />
        <VolumeState state={state} />
      </div>
      <CurveBar workspace={workspace} curve={curve} />
    </div>
  );
}

/** In mm, of the curve that is in hand by then. */
function goAlong(curve: CurvedPath, count: number, by: string): void {
  curve.goTo(curve.at.peek().mm + count, by);
}

interface CurvedOverlayProps extends PaneProps {
  readonly curve: CurvedPath;
  readonly frame: Frame | undefined;
  readonly state: LoadState;
}

function CurvedOverlay({ workspace, pane, curve, frame, state }: CurvedOverlayProps) {
  const dataset = frame?.dataset ?? {};
  const { window } = pane.view.value;
  const path = curve.path.value;
  const { form, slab } = curve.look.value;
  return (
    <div class="overlay">
      <PatientCorner dataset={dataset}>
        <VolumeQuality state={state} />
        {slab.mm > 0 && <span>{t("mpr.slab.of", { mm: slab.mm })}</span>}
      </PatientCorner>
      {frame && (
        <StudyCorner workspace={workspace} pane={pane} frame={frame} all>
          {path && <span data-testid="curve-length">{t("curved.length", { mm: n(path.length, 1) })}</span>}
          {path && <span>{t("curved.at", { mm: n(curve.at.value.mm, 1) })}</span>}
        </StudyCorner>
      )}
      <div class="corner bottom-left">{path && <span class="caution">{t(`curved.caution.${form}`)}</span>}</div>
      <div class="corner bottom-right">
        {pane.pixel.value && <PixelReadout pixel={pane.pixel.value} dataset={dataset} />}
        {window && <span data-testid="window-text">{windowText(window, dataset)}</span>}
      </div>
    </div>
  );
}
