/** The reformation itself: the length from left to right with a ruler, where one looks, the window under a drag. */

import { useRef } from "preact/hooks";

import { n, t } from "@/i18n";
import type { CurvedPath } from "@/model/curvedPath";
import type { Pane } from "@/model/pane";
import { cellAt, readPixel, usePicture, type Slab } from "@/ui/curved/sheetPicture";
import { useSize } from "@/ui/useSize";
import type { CurvedView, Sheet } from "@/viewport/volumeContract";

interface CurvePictureProps {
  readonly pane: Pane;
  readonly curve: CurvedPath;
  readonly view: CurvedView;
  readonly sheet: Sheet;
  readonly slab: Slab;
}

const GRIP_PX = 16; // around the mark
const STILL_PX = 4;
const TICKS_MM = [1, 2, 5, 10, 20, 50, 100, 200];
const TICK_PX = 44; // apart at least, for their numbers
const RULER_PX = 22;

export function CurvePicture({ pane, curve, view, sheet, slab }: CurvePictureProps) {
  const host = useRef<HTMLDivElement>(null);
  const [width, height] = useSize(host);
  const canvas = usePicture(pane, view, sheet, slab);
  const held = useRef<{ readonly x: number; readonly y: number; moves: "mark" | "window" | undefined } | undefined>(undefined);
  const { columns, rows, step } = sheet;
  const [wide, high] = [columns.length * step, rows * step];
  const scale = Math.max(0, Math.min(width / wide, (height - RULER_PX) / high));
  const mark = (columnOf(sheet, curve.at.value.mm) + 0.5) * step * scale;
  const goTo = (event: PointerEvent): void => {
    const [column] = cellAt(event, sheet);
    curve.goTo(columns[Math.max(0, Math.min(columns.length - 1, Math.round(column)))]?.along ?? 0, pane.id);
  };
  const press = (event: PointerEvent): void => {
    if (event.button !== 0 || !event.isPrimary) return;
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    const x = event.clientX - (event.currentTarget as Element).getBoundingClientRect().left;
    held.current = { x: event.clientX, y: event.clientY, moves: Math.abs(x - mark) < GRIP_PX ? "mark" : undefined };
  };
  const move = (event: PointerEvent): void => {
    readPixel(pane, view, sheet, slab, cellAt(event, sheet));
    const { current: hold } = held;
    if (!hold) return;
    const [right, down] = [event.clientX - hold.x, event.clientY - hold.y];
    if (hold.moves === undefined && Math.hypot(right, down) < STILL_PX) return;
    const moves = hold.moves ?? "window";
    if (moves === "mark") goTo(event);
    else view.drag(right, down);
    held.current = { x: event.clientX, y: event.clientY, moves };
  };
  const release = (event: PointerEvent): void => {
    if (held.current && held.current.moves !== "window") goTo(event);
    held.current = undefined;
  };
  const wheel = (event: WheelEvent): void => {
    event.preventDefault();
    curve.goTo(curve.at.peek().mm + Math.sign(event.deltaY), pane.id);
  };
  return (
    <div ref={host} class="curved-picture">
      <div class="curved-sheet" style={{ width: `${wide * scale}px`, height: `${high * scale + RULER_PX}px` }}>
        <div
          class="curved-hand"
          style={{ height: `${high * scale}px` }}
          data-testid="curved-picture"
          onPointerDown={press}
          onPointerMove={move}
          onPointerUp={release}
          onPointerCancel={() => (held.current = undefined)}
          onPointerLeave={() => (pane.pixel.value = undefined)}
          onWheel={wheel}
        >
          <canvas ref={canvas} data-testid="curved-canvas" data-step={step} />
        </div>
        <svg class="curved-guides" aria-hidden="true">
          <path class="curve-line away" d={centreLine(sheet, scale)} />
          <line class="curved-mark" data-testid="curved-mark" x1={mark} x2={mark} y1={0} y2={high * scale + 6} />
          <Ruler sheet={sheet} scale={scale} top={high * scale} />
        </svg>
      </div>
      <input
        type="range"
        class="curved-along"
        data-testid="curve-along"
        min={0}
        max={curve.path.value?.length ?? 0}
        step={0.5}
        value={curve.at.value.mm}
        aria-label={t("curved.along")}
        aria-valuetext={`${n(curve.at.value.mm, 1)} ${t("unit.mm")}`}
        onInput={(event) => curve.goTo(Number(event.currentTarget.value), pane.id)}
      />
    </div>
  );
}

/** The column that is nearest to a place along the curve; the columns are in its order. */
function columnOf({ columns }: Sheet, along: number): number {
  let [low, high] = [0, columns.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((columns[middle]?.along ?? 0) < along) low = middle + 1;
    else high = middle;
  }
  const before = columns[low - 1];
  return before && along - before.along < (columns[low]?.along ?? Infinity) - along ? low - 1 : low;
}

function centreLine({ columns, rows, step }: Sheet, scale: number): string {
  return columns
    .map(({ below }, index) => [(index + 0.5) * step * scale, ((rows * step) / 2 + below) * scale] as const)
    .filter((_, index) => index % 4 === 0 || index === columns.length - 1)
    .map(([x, y], index) => `${index === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`)
    .join("");
}

/** Millimetres along the curve. */
function Ruler({ sheet, scale, top }: { readonly sheet: Sheet; readonly scale: number; readonly top: number }) {
  const length = sheet.columns.at(-1)?.along ?? 0;
  const every = TICKS_MM.find((one) => one * scale >= TICK_PX) ?? 500;
  const ticks = Array.from({ length: Math.floor(length / every) + 1 }, (_, index) => index * every);
  return (
    <g class="curved-ruler" data-testid="curved-ruler" data-every={every}>
      {ticks.map((mm) => {
        const x = (columnOf(sheet, mm) + 0.5) * sheet.step * scale;
        return (
          <g key={mm}>
            <line x1={x} x2={x} y1={top} y2={top + 6} />
            <text x={x} y={top + 18} text-anchor={mm === 0 ? "start" : "middle"}>
              {n(mm)}
              {mm === 0 ? ` ${t("unit.mm")}` : ""}
            </text>
          </g>
        );
      })}
    </g>
  );
}
