/** Two fingers on an image: it grows as they part, about the place between them, and goes where they go. */

import { getEnabledElement, type Types } from "@cornerstonejs/core";
import { ZoomTool } from "@cornerstonejs/tools";

import { enlarge } from "@/viewport/zooming";

type Place = readonly [number, number];

interface Pinched {
  readonly element: HTMLDivElement;
  readonly currentPointsList: readonly { readonly canvas: Place }[];
  readonly lastPointsList: readonly { readonly canvas: Place }[];
}

export interface Pinch {
  /** How many times as far apart the fingers are. */
  readonly factor: number;
  /** The place between them, before. */
  readonly at: Place;
  /** How far it went, to the right and down. */
  readonly moved: Place;
}

/** What two fingers did; undefined where one of them came or went. CSS pixels of the viewport. */
export function pinchOf(before: readonly Place[], now: readonly Place[]): Pinch | undefined {
  const [a, b] = before;
  const [c, d] = now;
  if (!a || !b || !c || !d || before.length !== now.length) return undefined;
  const apart = Math.hypot(a[0] - b[0], a[1] - b[1]);
  const at = [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2] as const;
  return {
    factor: apart > 0 ? Math.hypot(c[0] - d[0], c[1] - d[1]) / apart : 1,
    at,
    moved: [(c[0] + d[0]) / 2 - at[0], (c[1] + d[1]) / 2 - at[1]],
  };
}

/** Cornerstone's own enlarges by the pixels of the way, so that what is under the fingers runs away from them. */
export class PinchTool extends ZoomTool {
  static override toolName = ZoomTool.toolName;

  constructor(...made: ConstructorParameters<typeof ZoomTool>) {
    super(...made);
    const inSpace = this.touchDragCallback;
    this.touchDragCallback = (event) => {
      if (!follow(event.detail as unknown as Pinched)) inSpace(event);
    };
  }
}

/** Whether the viewport shows a plane, which then lies as the fingers want it. */
function follow({ element, currentPointsList, lastPointsList }: Pinched): boolean {
  const viewport = getEnabledElement(element)?.viewport as Types.IStackViewport | Types.IVolumeViewport | undefined;
  if (!viewport?.getCamera().parallelProjection) return false;
  const pinch = pinchOf(
    lastPointsList.map(({ canvas }) => canvas),
    currentPointsList.map(({ canvas }) => canvas),
  );
  if (!pinch) return true;
  enlarge(viewport, element, pinch.factor, pinch.at);
  const [right, down] = viewport.getPan();
  viewport.setPan([right + pinch.moved[0], down + pinch.moved[1]]);
  viewport.render();
  return true;
}
