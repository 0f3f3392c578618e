/** The node's picture of a volume, for devices that draw none: planes, slabs and projections (PS3.18 8.3.5.3). */

import { useEffect, useRef, useState } from "preact/hooks";

import type { Vector, VolumeGeometry } from "@/dicomweb/geometry";
import { positionAlong } from "@/dicomweb/projection";
import { t } from "@/i18n";
import { fusion } from "@/model/fusion";
import { extent, nodePlanePath, oneFurther, opensAt, SIDES } from "@/model/nodePlane";
import type { Pane } from "@/model/pane";
import type { ButtonName } from "@/tools/palette";
import { PLANE_COLOURS } from "@/tools/planeColours";
import { cosinesOf } from "@/ui/awaitedPlane";
import { PatientCorner, PositionText, StudyCorner } from "@/ui/Identity";
import { NotForDiagnosis } from "@/ui/NotForDiagnosis";
import { QualityMark } from "@/ui/QualityMark";
import type { PaneProps } from "@/ui/paneProps";
import { DirectionLetters } from "@/ui/SideLetters";
import { useNodeWindow } from "@/ui/useNodeWindow";
import { BackToImages, Note } from "@/ui/volumeParts";
import { windowText } from "@/ui/windowText";
import type { Point, ViewControls } from "@/viewport/contract";
import type { PlaneName } from "@/viewport/volumeContract";

interface RenderedPaneProps extends PaneProps {
  readonly volume: VolumeGeometry;
  /** One of several moments of the series, of which the node makes no volume. */
  readonly isInTime: boolean;
}

const NAMES: readonly PlaneName[] = ["axial", "coronal", "sagittal"];
const WORKS: ReadonlySet<ButtonName> = new Set(["layout", "compare", "volume", "window", "preset", "view", "save", "invert", "reset", "fullScreen", "help"]);

const QUIET_MS = 120;
const INVERTED = { filter: "invert(1)" };

export function RenderedPane({ isInTime, ...shown }: RenderedPaneProps) {
  if (!isInTime) return <NodePicture {...shown} />;
  return (
    <Note id="volume-in-time" title={t("volume.node.inTime")} words={t("volume.node.inTime.explain")}>
      <BackToImages workspace={shown.workspace} pane={shown.pane} />
    </Note>
  );
}

interface Deeds extends Pick<ViewControls, "applyPreset" | "invert" | "reset"> {
  step(count: number): void;
  goTo(world: Point): void;
}

/** What toolbar and keys find in the pane. */
function useControls(pane: Pane, deeds: Deeds): void {
  const now = useRef(deeds);
  now.current = deeds;
  useEffect(() => {
    const controls: ViewControls = {
      works: WORKS,
      isWithoutValues: true,
      step: (count) => now.current.step(count),
      goTo: (world) => now.current.goTo(world),
      applyPreset: (preset) => now.current.applyPreset(preset),
      invert: () => now.current.invert(),
      reset: () => now.current.reset(),
      show: () => {},
      setTool: () => {},
      clear: () => undefined,
      letGo: () => {},
      close: () => {},
    };
    pane.controls.value = controls;
    return () => {
      if (pane.controls.peek() === controls) pane.controls.value = undefined;
    };
  }, [pane]);
}

/** The picture that is asked for, once the reader rests. */
function usePicture(wanted: string, place: { readonly current: HTMLElement | null }) {
  const [state, setState] = useState<"loading" | "ready" | "failed">("loading");
  const [picture, setPicture] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => {
      const box = place.current?.getBoundingClientRect();
      const [width, height] = [Math.max(64, Math.round(box?.width ?? 512)), Math.max(64, Math.round(box?.height ?? 512))];
      const next = `${wanted}&viewport=${width},${height}`;
      if (next === picture) return; // it is here, or on its way
      setState("loading");
      setPicture(next);
    }, QUIET_MS);
    return () => clearTimeout(timer);
  }, [wanted, picture]);
  return { state, setState, picture };
}

function NodePicture({ workspace, pane, volume }: Omit<RenderedPaneProps, "isInTime">) {
  const place = useRef<HTMLDivElement>(null);
  const showing = pane.showing.peek();
  const solid = showing?.kind === "volume";
  const asked = showing?.options?.["plane"];
  const [plane, setPlane] = useState<PlaneName>(NAMES.find((name) => name === asked) ?? (solid ? "coronal" : "axial"));
  const { from, to } = extent(volume);
  const { axis } = SIDES[plane];
  const [at, setAt] = useState<Vector>(() => opensAt(volume, plane, pane.wishedPoint));
  const [mm, setMm] = useState(0);
  const goTo = (point: readonly number[]): void => setAt(point.map((value, along) => Math.min(Math.max(value, from[along] ?? 0), to[along] ?? 0)) as unknown as Vector);
  const goAlong = (change: (value: number) => number): void => goTo(at.map((value, along) => (along === axis ? change(value) : value)));
  const step = (count: number): void => {
    if (!solid) goAlong((value) => value + count * oneFurther(volume, plane)[axis]);
  };
  const window = useNodeWindow(pane, volume, solid);
  const reset = (): void => {
    window.reset();
    setAt(opensAt(volume, plane, undefined));
  };
  useControls(pane, { step, goTo, applyPreset: window.choose, invert: window.invert, reset });
  const { state, setState, picture } = usePicture(nodePlanePath(volume, { plane, at: solid ? undefined : at, slab: { mm, mode: "maximum" }, window: window.asked }), place);
  const isFused = fusion.value?.base === pane.showing.value?.series.seriesInstanceUid;
  const cosines = cosinesOf(plane);
  const [first] = volume.frames;
  const dataset = first?.dataset ?? {};
  return (
    <div class="volume-stage">
      <div
        ref={place}
        class="viewport"
        data-testid="viewport"
        data-rendered-by="node"
        data-plane={solid ? undefined : plane}
        data-centre={solid ? undefined : at.join(" ")}
        data-window-center={window.told?.center}
        data-window-width={window.told?.width}
        data-inverted={window.inverted}
        tabIndex={0}
        role="application"
        aria-label={t(solid ? "solid.label" : `mpr.${plane}`)}
        onPointerDown={window.onPointerDown}
        onPointerMove={window.onPointerMove}
        onPointerUp={window.onPointerUp}
        onPointerCancel={window.onPointerUp}
        onWheel={(event) => event.ctrlKey || step(Math.sign(event.deltaY))}
      >
        {picture && (
          <img class="node-picture" style={window.inverted ? INVERTED : undefined} src={picture} alt="" draggable={false} data-testid="node-picture" onLoad={() => setState("ready")} onError={() => setState("failed")} />
        )}
        <div class="overlay">
          <PatientCorner dataset={dataset} />
          {first && (
            <StudyCorner workspace={workspace} pane={pane} frame={first} all>
              <span style={{ color: PLANE_COLOURS[plane] }}>{t(`mpr.${plane}`)}</span>
            </StudyCorner>
          )}
          <div class="corner bottom-left">
            {isFused && (
              <span class="caution" data-testid="node-alone">
                {t("volume.node.alone")}
              </span>
            )}
            {(solid || mm > 0) && <span class="caution">{solid ? t("mpr.slab.maximum") : `${t("mpr.slab.maximum")} · ${t("mpr.slab.of", { mm })}`}</span>}
            {!solid && <PositionText position={positionAlong(cosines, at)} />}
          </div>
          <div class="corner bottom-right">
            <QualityMark mark={state === "ready" ? "rendered" : undefined} bytesLeft={0} />
            {window.told && <span data-testid="window-text">{windowText(window.told, dataset)}</span>}
          </div>
          <DirectionLetters cosines={cosines} />
        </div>
        <div class="state above-corners" role="status" data-testid="viewport-state" data-state={state}>
          {state === "failed" ? <span class="badge caution-badge">{t("volume.node.failed")}</span> : <NotForDiagnosis words={t("volume.node")} />}
        </div>
      </div>
      <div class="volume-bar node-bar">
        <select aria-label={t("mpr.plane")} data-testid="mpr-plane" value={plane} onChange={(event) => setPlane(event.currentTarget.value as PlaneName)}>
          {NAMES.map((name) => (
            <option key={name} value={name}>
              {t(`mpr.${name}`)}
            </option>
          ))}
        </select>
        {!solid && (
          <>
            <input
              type="range"
              data-testid="node-plane"
              min={from[axis]}
              max={to[axis]}
              value={at[axis]}
              aria-label={t("mpr.position")}
              onInput={(event) => goAlong(() => Number(event.currentTarget.value))}
            />
            <input
              type="range"
              data-testid="slab-thickness"
              min={0}
              max={100}
              value={mm}
              aria-label={t("mpr.thickness")}
              onInput={(event) => setMm(Number(event.currentTarget.value))}
            />
          </>
        )}
      </div>
    </div>
  );
}
