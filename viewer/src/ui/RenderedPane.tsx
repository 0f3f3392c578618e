/** The node's picture of a volume, for devices that draw none: planes, slabs and projections (PS3.18 8.3.5.3). */

import { useEffect, useRef, useState } from "preact/hooks";

import type { Vector, VolumeGeometry } from "@/dicomweb/geometry";
import { t } from "@/i18n";
import { extent, middleOf, nodePlanePath, SIDES } from "@/model/nodePlane";
import { openingOf } from "@/tools/presets";
import { PatientCorner, StudyCorner } from "@/ui/Identity";
import { QualityMark } from "@/ui/QualityMark";
import type { PaneProps } from "@/ui/paneProps";
import { BackToImages, Note } from "@/ui/volumeParts";
import type { PlaneName } from "@/viewport/volumeContract";

interface RenderedPaneProps extends PaneProps {
  readonly volume: VolumeGeometry;
  /** One of several moments of the series, of which the node makes no volume. */
  readonly isInTime: boolean;
}

const NAMES: readonly PlaneName[] = ["axial", "coronal", "sagittal"];

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

function NodePicture({ workspace, pane, volume }: Omit<RenderedPaneProps, "isInTime">) {
  const place = useRef<HTMLDivElement>(null);
  const showing = pane.showing.peek();
  const solid = showing?.kind === "volume";
  const asked = showing?.options?.["plane"];
  const [plane, setPlane] = useState<PlaneName>(NAMES.find((name) => name === asked) ?? (solid ? "coronal" : "axial"));
  const { middle, from, to } = extent(volume);
  const { axis } = SIDES[plane];
  const [at, setAt] = useState<number | undefined>(undefined);
  const [slab, setSlab] = useState(0);
  const [state, setState] = useState<"loading" | "ready" | "failed">("loading");
  const [picture, setPicture] = useState("");
  const where = middle.map((value, index) => (index === axis && !solid ? (at ?? value) : value));
  const [first] = volume.frames;
  const inverted = !solid && openingOf(middleOf(volume)).inverted;
  const wanted = nodePlanePath(volume, { plane, at: solid ? undefined : (where as unknown as Vector), slab: { mm: slab, mode: "maximum" } });
  useEffect(() => {
    const timer = setTimeout(() => {
      const box = place.current?.getBoundingClientRect();
      const [width, height] = [Math.max(64, Math.round(box?.width ?? 512)), Math.max(64, Math.round(box?.height ?? 512))];
      setState("loading");
      setPicture(`${wanted}&viewport=${width},${height}`);
    }, QUIET_MS);
    return () => clearTimeout(timer);
  }, [wanted]);
  return (
    <div class="volume-stage">
      <div ref={place} class="viewport" data-testid="viewport" data-rendered-by="node" role="img" aria-label={t(solid ? "solid.label" : `mpr.${plane}`)}>
        {picture && (
          <img class="node-picture" style={inverted ? INVERTED : undefined} src={picture} alt="" data-testid="node-picture" onLoad={() => setState("ready")} onError={() => setState("failed")} />
        )}
        <div class="overlay">
          <PatientCorner dataset={first?.dataset ?? {}} />
          {first && <StudyCorner workspace={workspace} pane={pane} frame={first} all />}
          <div class="corner bottom-right">
            <QualityMark mark={state === "ready" ? "rendered" : undefined} bytesLeft={0} />
          </div>
        </div>
        <div class="state" role="status" data-testid="viewport-state" data-state={state}>
          <span class="badge caution-badge" data-testid="not-for-diagnosis">
            {t(state === "failed" ? "volume.node.failed" : "volume.node")}
          </span>
        </div>
      </div>
      <div class="volume-bar">
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
              value={where[axis]}
              aria-label={t("mpr.position")}
              onInput={(event) => setAt(Number(event.currentTarget.value))}
            />
            <input
              type="range"
              data-testid="slab-thickness"
              min={0}
              max={100}
              value={slab}
              aria-label={t("mpr.thickness")}
              onInput={(event) => setSlab(Number(event.currentTarget.value))}
            />
          </>
        )}
      </div>
    </div>
  );
}
