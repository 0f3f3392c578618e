/** The moments of a series in time: choose one, or let them play. */

import { useEffect, useState } from "preact/hooks";

import type { Phase } from "@/dicomweb/phases";
import { n, t } from "@/i18n";
import { moment } from "@/model/volumes";

interface PhaseBarProps {
  readonly phases: readonly Phase[];
  readonly phase: number;
  /** Whether this moment stands on the screen: only then the next one comes. */
  readonly settled: boolean;
}

const PLAY_MS = 250;

export function PhaseBar({ phases, phase, settled }: PhaseBarProps) {
  const [playing, setPlaying] = useState(false);
  useEffect(() => {
    if (!playing || !settled) return undefined;
    const timer = setTimeout(() => (moment.value = (phase + 1) % phases.length), PLAY_MS);
    return () => clearTimeout(timer);
  }, [playing, settled, phase, phases]);
  const time = phases[phase]?.time;
  return (
    <div class="volume-bar" data-testid="phases" data-phase={phase} data-phases={phases.length}>
      <button type="button" class="button quiet" data-testid="phases-play" aria-pressed={playing} onClick={() => setPlaying(!playing)}>
        {t(playing ? "phase.pause" : "phase.play")}
      </button>
      <input
        type="range"
        min={0}
        max={phases.length - 1}
        value={phase}
        aria-label={t("phase.choose")}
        aria-valuetext={t("phase.of", { index: phase + 1, total: phases.length })}
        onInput={(event) => {
          moment.value = Number(event.currentTarget.value);
        }}
      />
      <span>
        {phase + 1} / {phases.length}
        {time !== undefined && ` · ${n(time)} ${t("unit.ms")}`}
      </span>
    </div>
  );
}
