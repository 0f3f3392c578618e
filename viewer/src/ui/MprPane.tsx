/** A viewport with a plane cut out of the series: which plane, how thick, and at which moment. */

import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import type { Frame } from "@/dicomweb/frames";
import { volumeOf, type VolumeGeometry } from "@/dicomweb/geometry";
import { phasesOf, type Phase } from "@/dicomweb/phases";
import { positionAlong } from "@/dicomweb/projection";
import { t } from "@/i18n";
import { hasWebGl2 } from "@/model/device";
import { fusion } from "@/model/fusion";
import { moment } from "@/model/volumes";
import type { Workspace } from "@/model/workspace";
import { PlaneCurve } from "@/ui/curved/CurveLayer";
import { CineBar } from "@/ui/CineBar";
import { ColourBar } from "@/ui/ColourBar";
import { CurvePanel } from "@/ui/CurvePanel";
import { FusionControls } from "@/ui/FusionControls";
import { PlaneGuides } from "@/ui/planeGuides";
import { PatientCorner, PositionText, StudyCorner } from "@/ui/Identity";
import { PlaneMarks } from "@/ui/marks/MarksCanvas";
import { Icon } from "@/ui/icons";
import { MarksPanel } from "@/ui/marks/MarksPanel";
import type { PaneProps } from "@/ui/paneProps";
import { PhaseBar } from "@/ui/PhaseBar";
import { PixelReadout } from "@/ui/PixelReadout";
import { RemovalNotice } from "@/ui/RemovalNotice";
import { AwaitedPicture, AwaitedSlider, cosinesOf, useAwaited, type Awaited } from "@/ui/awaitedPlane";
import { RenderedPane } from "@/ui/RenderedPane";
import { DirectionLetters } from "@/ui/SideLetters";
import { mouse } from "@/tools/mouse";
import type { ToolName } from "@/tools/palette";
import { PLANE_COLOURS } from "@/tools/planeColours";
import { openingOf, type Ends } from "@/tools/presets";
import { useVolumeView } from "@/ui/useVolumeView";
import { NOTHING_LOADED, Refusal, VolumeQuality, VolumeState } from "@/ui/volumeParts";
import { windowText } from "@/ui/windowText";
import type { PlaneName, PlanePlace, PlaneView, SlabMode, VolumeFailure } from "@/viewport/volumeContract";

const PLANE_NAMES: readonly PlaneName[] = ["axial", "coronal", "sagittal"];
const SLAB_NAMES: readonly SlabMode[] = ["maximum", "minimum", "average"];
const SLAB_LONGEST_MM = 100;

export function MprPane({ workspace, pane }: PaneProps) {
  const { frames } = pane.content.value;
  const phases = useMemo(() => phasesOf(frames), [frames]);
  const phase = moment.value;
  const shown = phases?.[Math.min(phase, phases.length - 1)];
  const found = useMemo(() => volumeOf(shown?.frames ?? frames), [shown, frames]);
  const [failed, setFailed] = useState<VolumeFailure | undefined>(undefined);
  if (!found.volume) return <Refusal refused={found} workspace={workspace} pane={pane} />;
  if (!hasWebGl2() || failed) {
    return <RenderedPane workspace={workspace} pane={pane} volume={found.volume} isInTime={(phases?.length ?? 0) > 1} />;
  }
  return (
    <PlaneStage
      workspace={workspace}
      pane={pane}
      volume={found.volume}
      phases={phases ?? []}
      phase={phase}
      setFailed={setFailed}
    />
  );
}

interface PlaneStageProps extends PaneProps {
  readonly volume: VolumeGeometry;
  readonly phases: readonly Phase[];
  readonly phase: number;
  setFailed(why: VolumeFailure): void;
}

function PlaneStage({ workspace, pane, volume, phases, phase, setFailed }: PlaneStageProps) {
  const asked = pane.showing.peek()?.options?.["plane"];
  const [plane, setPlane] = useState<PlaneName>(PLANE_NAMES.find((name) => name === asked) ?? "axial");
  const [place, setPlace] = useState<PlanePlace | undefined>(undefined);
  const [slab, setSlab] = useState<{ mm: number; mode: SlabMode }>({ mm: 0, mode: "maximum" });
  const [settled, setSettled] = useState<VolumeGeometry | undefined>(undefined);
  const [overlaid, setOverlaid] = useState<"loading" | VolumeFailure | undefined>(undefined);
  const [ends, setEnds] = useState<Ends | undefined>(undefined);
  const current = useRef(volume);
  const awaitedNow = useRef<Awaited | undefined>(undefined);
  const { element, view, state } = useVolumeView<PlaneView>({
    workspace,
    pane,
    setFailed,
    open: ({ openPlaneView }, stage, listener) =>
      openPlaneView(
        stage,
        {
          ...listener,
          ready: (reduced) => {
            listener.ready(reduced);
            setSettled(current.current);
            const point = pane.wishedPoint;
            pane.wishedPoint = undefined;
            if (point) pane.controls.peek()?.goTo?.(point);
          },
          stepped: (count) => awaitedNow.current?.step(count),
          placed: (where) => {
            setPlace(where);
            if (pane.showing.peek()?.kind === "mpr") pane.cut.value = where; // the pane may have gone on to something else
          },
          pointed: (pixel) => {
            pane.pixel.value = pixel;
          },
          overlaid: (became, between) => {
            setOverlaid(became === "none" || became === "shown" ? undefined : became);
            setEnds(between);
          },
          askText: (done) => {
            workspace.question.value = done;
          },
        },
        current.current,
        plane,
      ),
  });
  const awaited = useAwaited(volume, { plane, slab }, phases.length > 1 ? NOTHING_LOADED : state, {
    start: pane.wishedPoint,
    moved: (at) => {
      pane.wishedPoint = at; // where the volume opens
    },
  });
  awaitedNow.current = awaited;
  useEffect(() => {
    if (current.current === volume) return;
    current.current = volume;
    view?.setVolume(volume);
  }, [view, volume]);
  const over = fusion.value?.base === pane.showing.value?.series.seriesInstanceUid ? fusion.value : undefined;
  useEffect(() => view?.setOverlay(over), [view, over]);
  const { window, inverted } = pane.view.value;
  const middle = volume.frames[volume.frames.length >> 1]?.dataset;
  return (
    <div class="volume-stage">
      <div
        class="viewport"
        data-testid="viewport"
        tabIndex={0}
        role="application"
        aria-label={t("mpr.label", { plane: t(`mpr.${plane}`), index: (place?.index ?? 0) + 1, total: place?.count ?? 0 })}
        data-plane={plane}
        data-plane-index={place?.index}
        data-plane-count={place?.count}
        data-oblique={place?.oblique}
        data-centre={place?.centre.join(" ")}
        data-cosines={place?.cosines.join(" ")}
        data-mm-per-pixel={place?.mmPerPixel}
        data-window-center={window?.center}
        data-window-width={window?.width}
        data-inverted={inverted}
        data-over={over?.over.seriesInstanceUid}
        onWheel={(event) => !state.ready && awaited?.step(Math.sign(event.deltaY))}
      >
        <div ref={element} class="canvas-place" />
        {awaited?.picture && <AwaitedPicture volume={volume} plane={plane} picture={awaited.picture} inverted={openingOf(middle).inverted} />}
        <PlaneMarks workspace={workspace} pane={pane} place={place} />
        {place && <PlaneGuides workspace={workspace} pane={pane} place={place} />}
        {over && ends && <ColourBar shown={over} ends={ends} />}
        <PlaneCurve workspace={workspace} pane={pane} place={place} />
        <PlaneOverlay workspace={workspace} pane={pane} frame={volume.frames[0]} place={place} awaited={awaited} plane={plane} slab={slab.mm}>
          <VolumeQuality state={state} awaited={overlaid === "loading"} previewed={awaited?.picture !== undefined} />
        </PlaneOverlay>
        <VolumeState state={state} previewed={awaited?.picture !== undefined}>
          {awaited?.picture && !state.ready && <AwaitedSlider volume={volume} plane={plane} awaited={awaited} />}
        </VolumeState>
        <CurvePanel pane={pane} />
        <RemovalNotice pane={pane} />
      </div>
      <div class="volume-bars">
        <div class="volume-bar" role="toolbar" aria-label={t("mpr.bar")}>
          <select
            aria-label={t("mpr.plane")}
            data-testid="mpr-plane"
            value={plane}
            onChange={(event) => {
              const name = event.currentTarget.value as PlaneName;
              setPlane(name);
              view?.setPlane(name);
            }}
          >
            {PLANE_NAMES.map((name) => (
              <option key={name} value={name}>
                {t(`mpr.${name}`)}
              </option>
            ))}
          </select>
          <select
            aria-label={t("mpr.slab")}
            data-testid="slab-mode"
            value={slab.mm > 0 ? slab.mode : "single"}
            onChange={(event) => {
              const { value } = event.currentTarget;
              const next = value === "single" ? { ...slab, mm: 0 } : { mm: slab.mm || 10, mode: value as SlabMode };
              setSlab(next);
              view?.setSlab(next.mm, next.mode);
            }}
          >
            <option value="single">{t("mpr.slab.single")}</option>
            {SLAB_NAMES.map((name) => (
              <option key={name} value={name}>
                {t(`mpr.slab.${name}`)}
              </option>
            ))}
          </select>
          <CrosshairButton workspace={workspace} />
          <label class="slab-thickness">
            <input
              type="range"
              data-testid="slab-thickness"
              min={0}
              max={SLAB_LONGEST_MM}
              value={slab.mm}
              aria-label={t("mpr.thickness")}
              aria-valuetext={`${slab.mm} ${t("unit.mm")}`}
              onInput={(event) => {
                const next = { ...slab, mm: Number(event.currentTarget.value) };
                setSlab(next);
                view?.setSlab(next.mm, next.mode);
              }}
            />
            <span>
              {slab.mm} {t("unit.mm")}
            </span>
          </label>
          <FusionControls workspace={workspace} pane={pane} volume={volume} failed={overlaid === "loading" ? undefined : overlaid} ends={ends} />
        </div>
        {pane.cine.open.value && <CineBar pane={pane} />}
        {phases.length > 1 && <PhaseBar phases={phases} phase={phase} settled={settled === volume} />}
      </div>
    </div>
  );
}

/** Takes the crosshair into the hand, and gives back what was in it. */
function CrosshairButton({ workspace }: { readonly workspace: Workspace }) {
  const tool = workspace.tool.value;
  const on = tool === "crosshair";
  const before = useRef<ToolName>(mouse.peek().left);
  if (!on) before.current = tool;
  return (
    <button
      type="button"
      class="button quiet"
      data-testid="crosshair"
      aria-pressed={on}
      title={t("mpr.crosshair")}
      onClick={() => workspace.press(on ? before.current : "crosshair")}
    >
      <Icon name="crosshair" />
      <span class="hidden-label">{t("mpr.crosshair")}</span>
    </button>
  );
}

interface PlaneOverlayProps extends PaneProps {
  readonly frame: Frame | undefined;
  readonly place: PlanePlace | undefined;
  readonly awaited: Awaited | undefined;
  readonly plane: PlaneName;
  readonly slab: number;
  readonly children: ComponentChildren;
}

function PlaneOverlay({ workspace, pane, frame, place, awaited, plane, slab, children }: PlaneOverlayProps) {
  const seen = place ?? (awaited?.picture && { cosines: cosinesOf(plane), centre: awaited.at });
  const dataset = frame?.dataset ?? {};
  const { window } = pane.view.value;
  return (
    <div class="overlay">
      <PatientCorner dataset={dataset}>
        <MarksPanel workspace={workspace} pane={pane} />
      </PatientCorner>
      {frame && (
        <StudyCorner workspace={workspace} pane={pane} frame={frame} all>
          <span style={{ color: PLANE_COLOURS[plane] }}>{t(place?.oblique ? "mpr.oblique" : `mpr.${plane}`)}</span>
        </StudyCorner>
      )}
      <div class="corner bottom-left">
        {slab > 0 && <span>{t("mpr.slab.of", { mm: slab })}</span>}
        {seen && <PositionText position={positionAlong(seen.cosines, seen.centre)} />}
        {place && (
          <span class="image-number">
            {t("mpr.number")} {place.index + 1} / {place.count}
          </span>
        )}
      </div>
      <div class="corner bottom-right">
        {children}
        {pane.pixel.value && <PixelReadout pixel={pane.pixel.value} dataset={dataset} />}
        {window && (
          <span data-testid="window-text">
            {windowText(window, dataset)}
          </span>
        )}
      </div>
      <DirectionLetters cosines={seen?.cosines} />
    </div>
  );
}
