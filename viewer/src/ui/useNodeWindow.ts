/** The window of the node's pictures: how they open, and what presets, keys and a drag make of it. */

import { useEffect, useRef, useState } from "preact/hooks";

import type { VolumeGeometry } from "@/dicomweb/geometry";
import { middleOf, opensIn } from "@/model/nodePlane";
import type { Pane } from "@/model/pane";
import { dragged, endsOf, namedEnds, openingOf, storableEnds, windowOf, type Ends, type Preset, type Window } from "@/tools/presets";

const OF_A_FINGER = 0.5; // as `viewport/windowDrag.ts` has it

export interface NodeWindow {
  /** What the node is asked for. */
  readonly asked: Ends | "images";
  /** Undefined where nobody here knows it. */
  readonly told: Window | undefined;
  readonly inverted: boolean;
  choose(preset: Preset): void;
  invert(): void;
  reset(): void;
  onPointerDown(event: PointerEvent): void;
  onPointerMove(event: PointerEvent): void;
  onPointerUp(): void;
}

export function useNodeWindow(pane: Pane, volume: VolumeGeometry, isProjection: boolean): NodeWindow {
  const middle = middleOf(volume) ?? {};
  const opening = opensIn(volume, isProjection);
  const opensInverted = !isProjection && openingOf(middle).inverted;
  const [chosen, choose] = useState<Ends | "images">(opening);
  const [inverted, setInverted] = useState(opensInverted);
  const held = useRef<{ readonly x: number; readonly y: number; readonly from: Ends } | undefined>(undefined);
  const ends = chosen === "images" ? namedEnds(middle) : chosen;
  const told = ends && windowOf(ends);
  useEffect(() => {
    pane.view.value = { window: told, zoom: 1, inverted };
  }, [pane, told?.center, told?.width, inverted]);
  return {
    asked: ends ?? "images",
    told,
    inverted,
    choose: (preset) => choose(preset.kind === "values" ? endsOf(preset) : "images"),
    invert: () => setInverted((now) => !now),
    reset: () => {
      choose(opening);
      setInverted(opensInverted);
    },
    onPointerDown: (event) => {
      if (event.button !== 0 || !event.isPrimary) return;
      (event.currentTarget as Element).setPointerCapture(event.pointerId);
      held.current = { x: event.clientX, y: event.clientY, from: ends ?? storableEnds(middle) };
    },
    onPointerMove: (event) => {
      if (!held.current || !event.isPrimary) return;
      const share = event.pointerType === "touch" ? OF_A_FINGER : 1;
      const { x, y, from } = held.current;
      const [right, down] = [event.clientX - x, event.clientY - y];
      if (right !== 0 || down !== 0) choose(dragged(from, share * right, share * down));
    },
    onPointerUp: () => {
      held.current = undefined;
    },
  };
}
