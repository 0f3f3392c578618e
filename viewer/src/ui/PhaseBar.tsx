/** The moments of a series in time: choose one, or let them play. */

import { useEffect, useState } from "preact/hooks";

import type { Phase } from "@/dicomweb/phases";
import { n, t } from "@/i18n";

interface PhaseBarProps {
  readonly phases: readonly Phase[];
  readonly phase: number;
  setPhase(phase: number): void;
}

const PLAY_MS = 250;

export function PhaseBar({ phases, phase, setPhase }: PhaseBarProps) {
  const [playing, setPlaying] = useState(false);
  useEffect(() => {
    if (!playing) return undefined;
    const timer = setTimeout(() => setPhase((phase + 1) % phases.length), PLAY_MS);
    return () => clearTimeout(timer);
  }, [playing, phase, phases]);
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
        onInput={(event) => setPhase(Number(event.currentTarget.value))}
      />
      <span>
        {phase + 1} / {phases.length}
        {time !== undefined && ` · ${n(time)} ${t("unit.ms")}`}
      </span>
    </div>
  );
}
