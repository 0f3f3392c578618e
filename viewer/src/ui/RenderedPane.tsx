/** The node's picture of a volume, for devices that draw none: planes, slabs and projections (PS3.18 8.3.5.3). */

import { useEffect, useRef, useState } from "preact/hooks";

import { seriesPath } from "@/dicomweb/client";
import type { VolumeGeometry } from "@/dicomweb/geometry";
import { t } from "@/i18n";
import { PatientCorner, StudyCorner } from "@/ui/Identity";
import { QualityMark } from "@/ui/QualityMark";
import type { PaneProps } from "@/ui/paneProps";

interface RenderedPaneProps extends PaneProps {
  readonly volume: VolumeGeometry;
}

// PS3.18 8.3.5.3.4: from which side the camera looks; the axis it looks along and the upward direction
const PLANES = {
  axial: { axis: 2, eye: [0, 0, -1], up: [0, -1, 0] },
  coronal: { axis: 1, eye: [0, -1, 0], up: [0, 0, 1] },
  sagittal: { axis: 0, eye: [1, 0, 0], up: [0, 0, 1] },
} as const;
type Plane = keyof typeof PLANES;
const NAMES: readonly Plane[] = ["axial", "coronal", "sagittal"];

const QUIET_MS = 120;
const AWAY_MM = 100;

/** The middle of the volume and its ends along an axis of the patient, whole millimetres. */
function extent({ origin, direction, dimensions, spacing }: VolumeGeometry): { middle: number[]; from: number[]; to: number[] } {
  const corners = [0, 1, 2, 3, 4, 5, 6, 7].map((corner) =>
    origin.map((start, axis) =>
      [0, 1, 2].reduce((sum, along) => {
        const length = corner & (1 << along) ? ((dimensions[along] ?? 1) - 1) * (spacing[along] ?? 1) : 0;
        return sum + (direction[3 * along + axis] ?? 0) * length;
      }, start),
    ),
  );
  const ends = (pick: (...values: number[]) => number): number[] => [0, 1, 2].map((axis) => pick(...corners.map((one) => one[axis] ?? 0)));
  const [from, to] = [ends(Math.min), ends(Math.max)];
  return { middle: from.map((low, axis) => Math.round((low + (to[axis] ?? 0)) / 2)), from: from.map(Math.ceil), to: to.map(Math.floor) };
}

export function RenderedPane({ workspace, pane, volume }: RenderedPaneProps) {
  const place = useRef<HTMLDivElement>(null);
  const showing = pane.showing.peek();
  const solid = showing?.kind === "volume";
  const asked = showing?.options?.["plane"];
  const [plane, setPlane] = useState<Plane>(NAMES.find((name) => name === asked) ?? (solid ? "coronal" : "axial"));
  const { middle, from, to } = extent(volume);
  const { axis, eye, up } = PLANES[plane];
  const [at, setAt] = useState<number | undefined>(undefined);
  const [slab, setSlab] = useState(0);
  const [state, setState] = useState<"loading" | "ready" | "failed">("loading");
  const [picture, setPicture] = useState("");
  const where = middle.map((value, index) => (index === axis && !solid ? (at ?? value) : value));
  const query = new URLSearchParams({
    renderingmethod: solid ? "maximum_ip" : "average_ip",
    viewpointlookat: where.join(","),
    viewpointposition: where.map((value, index) => value + AWAY_MM * (eye[index] ?? 0)).join(","),
    viewpointup: up.join(","),
    ...(!solid && slab > 0 && { mprslab: String(slab), renderingmethod: "maximum_ip" }),
  });
  const first = volume.frames[0];
  const wanted = `${seriesPath(first?.studyInstanceUid ?? "", first?.seriesInstanceUid ?? "")}/${solid ? "rendered3d" : "renderedmpr"}?${query.toString().replaceAll("%2C", ",")}`;
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
          <img class="node-picture" src={picture} alt="" data-testid="node-picture" onLoad={() => setState("ready")} onError={() => setState("failed")} />
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
        <select aria-label={t("mpr.plane")} data-testid="mpr-plane" value={plane} onChange={(event) => setPlane(event.currentTarget.value as Plane)}>
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
