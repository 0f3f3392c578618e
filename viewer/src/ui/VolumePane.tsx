/** A viewport with a rendering of the series in three dimensions: how it looks, from where, and what is cut away. */

import { useEffect, useMemo, useState } from "preact/hooks";

import { volumeOf, type VolumeGeometry } from "@/dicomweb/geometry";
import { Tag, text } from "@/dicomweb/json";
import { phasesOf } from "@/dicomweb/phases";
import { t } from "@/i18n";
import { hasWebGl2 } from "@/model/device";
import { SOLID_ROOM } from "@/model/nodePlane";
import { PatientCorner, StudyCorner } from "@/ui/Identity";
import type { PaneProps } from "@/ui/paneProps";
import { RenderedPane } from "@/ui/RenderedPane";
import { DirectionLetters } from "@/ui/SideLetters";
import { AwaitedPicture, useAwaited } from "@/ui/awaitedPlane";
import { useVolumeView } from "@/ui/useVolumeView";
import { NOTHING_LOADED, Refusal, VolumeQuality, VolumeState } from "@/ui/volumeParts";
import type { Side, SolidView, VolumeFailure } from "@/viewport/volumeContract";

/** As `viewport/appearances.ts` names them. */
const APPEARANCES = {
  CT: ["CT-Bone", "CT-Soft-Tissue", "CT-Muscle", "CT-Lung", "CT-AAA", "CT-Coronary-Arteries", "CT-Liver-Vasculature", "CT-MIP"],
  other: ["MR-Default", "MR-Angio", "MR-T2-Brain", "MR-MIP"],
} as const;
type Appearance = (typeof APPEARANCES)["CT" | "other"][number];

const LOOKS: readonly Side[] = ["anterior", "posterior", "left", "right", "head", "feet"];
const CUTS = ["right", "left", "front", "back", "feet", "head"] as const;
const UNCUT = CUTS.map(() => 0);

/** From the front, all of it. */
const AS_IT_OPENS = { plane: "coronal", slab: { mm: 0, mode: "maximum" } } as const;

export function VolumePane({ workspace, pane }: PaneProps) {
  const { frames } = pane.content.value;
  const phases = useMemo(() => phasesOf(frames), [frames]);
  const found = useMemo(() => volumeOf(phases?.[0]?.frames ?? frames), [phases, frames]);
  const [failed, setFailed] = useState<VolumeFailure | undefined>(undefined);
  if (!found.volume) return <Refusal refused={found} workspace={workspace} pane={pane} />;
  const isInTime = (phases?.length ?? 0) > 1;
  if (!hasWebGl2() || failed) return <RenderedPane workspace={workspace} pane={pane} volume={found.volume} isInTime={isInTime} />;
  return <SolidStage workspace={workspace} pane={pane} volume={found.volume} isInTime={isInTime} setFailed={setFailed} />;
}

interface SolidStageProps extends PaneProps {
  readonly volume: VolumeGeometry;
  /** One of several moments of the series, of which the node makes no volume. */
  readonly isInTime: boolean;
  setFailed(why: VolumeFailure): void;
}

function SolidStage({ workspace, pane, volume, isInTime, setFailed }: SolidStageProps) {
  const [first] = volume.frames;
  const dataset = first?.dataset ?? {};
  const choices = APPEARANCES[text(dataset, Tag.Modality) === "CT" ? "CT" : "other"];
  const [appearance, setAppearance] = useState<Appearance>(choices[0]);
  const [cut, setCut] = useState<readonly number[]>(UNCUT);
  const [cutting, setCutting] = useState(false);
  const [turn, setTurn] = useState<readonly number[] | undefined>(undefined);
  const reset = (): void => {
    setAppearance(choices[0]);
    setCut(UNCUT);
  };
  const { element, view, state } = useVolumeView<SolidView>({
    workspace,
    pane,
    setFailed,
    subject: volume,
    open: ({ openSolidView }, stage, listener) =>
      openSolidView(stage, { ...listener, turned: setTurn, reset, ready: () => listener.ready(false) }, volume, appearance),
  });
  useEffect(() => view?.setAppearance(appearance), [view, appearance]);
  const awaited = useAwaited(volume, AS_IT_OPENS, isInTime ? NOTHING_LOADED : state, { solid: true });
  const change = (index: number, share: number): void => {
    const next = cut.map((one, at) => (at === index ? share : one));
    setCut(next);
    view?.setCut([0, 2, 4].map((at) => [next[at] ?? 0, next[at + 1] ?? 0]));
  };
  return (
    <div class="volume-stage">
      <div class="viewport" data-testid="viewport" tabIndex={0} role="application" aria-label={t("solid.label")} data-appearance={appearance}>
        <div ref={element} class="canvas-place" />
        {awaited?.picture && <AwaitedPicture volume={volume} plane="coronal" picture={awaited.picture} inverted={false} room={SOLID_ROOM} />}
        <div class="overlay">
          <PatientCorner dataset={dataset} />
          {first && <StudyCorner workspace={workspace} pane={pane} frame={first} all />}
          <DirectionLetters cosines={turn} />
          <div class="corner bottom-right">
            <VolumeQuality state={state} previewed={awaited?.picture !== undefined} />
            <span class="caution">{t("solid.caution")}</span>
          </div>
        </div>
        <VolumeState state={state} previewed={awaited?.picture !== undefined} />
      </div>
      <div class="volume-bar" role="toolbar" aria-label={t("solid.bar")}>
        <select
          aria-label={t("solid.appearance")}
          data-testid="solid-appearance"
          value={appearance}
          onChange={(event) => setAppearance(event.currentTarget.value as Appearance)}
        >
          {choices.map((one) => (
            <option key={one} value={one}>
              {t(`solid.${one}`)}
            </option>
          ))}
        </select>
        {LOOKS.map((from) => (
          <button key={from} type="button" class="button quiet" data-testid={`look-${from}`} onClick={() => view?.look(from)}>
            {t(`solid.look.${from}`)}
          </button>
        ))}
        <button type="button" class="button quiet" data-testid="solid-cut" aria-expanded={cutting} onClick={() => setCutting(!cutting)}>
          {t("solid.cut")}
        </button>
      </div>
      {cutting && (
        <div class="volume-bar cuts">
          {CUTS.map((side, index) => (
            <label key={side}>
              <span>{t(`solid.cut.${side}`)}</span>
              <input
                type="range"
                data-testid={`cut-${side}`}
                min={0}
                max={95}
                value={(cut[index] ?? 0) * 100}
                onInput={(event) => change(index, Number(event.currentTarget.value) / 100)}
              />
            </label>
          ))}
        </div>
      )}
    </div>
  );
}
