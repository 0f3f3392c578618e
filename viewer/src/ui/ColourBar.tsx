/** The colours of what lies over an image, the values that they stand for, and how to drag these with the mouse. */

import { useEffect, useRef, useState } from "preact/hooks";

import { Tag, text } from "@/dicomweb/json";
import { suvFactor } from "@/dicomweb/suv";
import { unitOf } from "@/dicomweb/units";
import { n, t } from "@/i18n";
import { fusion, windowBetween, type Fusion } from "@/model/fusion";
import type { Ends } from "@/tools/presets";
import { loadViewport } from "@/ui/lazyViewport";

const STRIPES = 64;

interface Scale {
  /** Of what is written, in a modality value. */
  readonly factor: number;
  readonly unit: string;
  readonly digits: number;
}

/** In what the window of what lies over an image is written: uptake where the images let it be calculated. */
export function scaleOf({ volume }: Pick<Fusion, "volume">, { lower, upper }: Ends): Scale {
  const dataset = volume.frames[0]?.dataset ?? {};
  const uptake = text(dataset, Tag.Modality) === "PT" ? suvFactor(dataset).factor : undefined;
  const factor = uptake ?? 1;
  const digits = Math.max(0, Math.min(6, 2 - Math.floor(Math.log10((upper - lower) * factor))));
  return { factor, unit: uptake === undefined ? unitOf(dataset) : "SUV", digits };
}

interface ColourBarProps {
  readonly shown: Fusion;
  readonly ends: Ends;
}

export function ColourBar({ shown, ends }: ColourBarProps) {
  const bar = useRef<HTMLDivElement>(null);
  const colours = useColours(shown);
  const { factor, unit, digits } = scaleOf(shown, ends);
  const [lower, upper] = [ends.lower, ends.upper].map((value) => n(value * factor, digits));
  const grip = useRef<{ readonly end: keyof Ends; readonly from: number; readonly ends: Ends } | undefined>(undefined);
  const onPointerDown = (event: PointerEvent): void => {
    const box = bar.current?.getBoundingClientRect();
    if (!box || event.button !== 0) return;
    event.stopPropagation();
    bar.current?.setPointerCapture(event.pointerId);
    grip.current = { end: event.clientY < box.top + box.height / 2 ? "upper" : "lower", from: event.clientY, ends };
  };
  const onPointerMove = ({ clientY }: PointerEvent): void => {
    const box = bar.current?.getBoundingClientRect();
    if (!grip.current || !box) return;
    const { end, from, ends: begun } = grip.current;
    const next = { ...begun, [end]: begun[end] + ((from - clientY) / box.height) * (begun.upper - begun.lower) };
    if (next.lower < next.upper) fusion.value = { ...shown, preset: windowBetween(next) };
  };
  const letGo = (): void => {
    grip.current = undefined;
  };
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- keys have the fields of the window
    <div
      ref={bar}
      class="colour-bar"
      role="img"
      data-testid="colour-bar"
      title={t("fusion.bar.drag")}
      aria-label={t("fusion.bar", { lower: lower ?? "", upper: upper ?? "", unit })}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={letGo}
      onPointerCancel={letGo}
      onMouseDown={(event) => event.stopPropagation()}
    >
      <svg class="guides" aria-hidden="true">
        <g class="ruler">
          <rect width="100%" height="100%" />
          {colours.map((colour, index) => (
            <rect key={index} y={`${100 - ((index + 1) * 100) / STRIPES}%`} width="100%" height={`${130 / STRIPES}%`} fill={colour} />
          ))}
          <text x="-5" y="9" text-anchor="end">
            {upper} {unit}
          </text>
          <text x="-5" y="100%" text-anchor="end">
            {lower}
          </text>
        </g>
      </svg>
    </div>
  );
}

/** Those of the stripes from the least value on; none until they are known. */
function useColours(shown: Fusion): readonly string[] {
  const [colours, setColours] = useState<readonly string[]>([]);
  useEffect(() => {
    let left = false;
    loadViewport().then(({ colourTable }) => {
      if (left) return;
      const table = colourTable(shown);
      const at = (index: number): number => 3 * Math.round(((index + 0.5) / STRIPES) * (table.length / 3 - 1));
      setColours(Array.from({ length: STRIPES }, (_, index) => `rgb(${table.slice(at(index), at(index) + 3).map((part) => Math.round(255 * part)).join(" ")})`));
    }, () => setColours([]));
    return () => {
      left = true;
    };
  }, [shown.colours, shown.palette]);
  return colours;
}
