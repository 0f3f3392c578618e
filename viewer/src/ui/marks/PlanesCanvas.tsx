/** The overlay planes of an image, and of the display state it is shown through, drawn over it as it lies on the screen. */

import { useLayoutEffect, useRef } from "preact/hooks";

import { coarser, type Mask } from "@/dicomweb/overlayPlanes";
import type { Frame } from "@/dicomweb/frames";
import { overlayPlanes } from "@/model/overlayPlanes";
import type { PaneProps } from "@/ui/paneProps";
import { useSize } from "@/ui/useSize";
import "@/ui/marks/marks.css";

interface Props extends PaneProps {
  readonly frame: Frame;
}

interface Layer {
  readonly mask: Mask;
  readonly colour: string;
}

export function StackPlanes({ workspace, pane, frame }: Props) {
  const planes = overlayPlanes(workspace);
  const ready = pane.shown.value.kind === "ready";
  if (!ready || workspace.presenting.pictureOf(pane, frame) !== undefined) return null;
  const layers = planes.shown(pane, frame).flatMap((drawn) => {
    const mask = planes.maskOver(drawn, frame);
    return mask ? [{ mask, colour: drawn.colour, shutter: drawn.shutter }] : [];
  });
  const [shutters, marks] = [layers.filter(({ shutter }) => shutter), layers.filter(({ shutter }) => !shutter)];
  return (
    <>
      {shutters.length > 0 && <PlanesCanvas key="shutter" workspace={workspace} pane={pane} layers={shutters} kind="bitmap-shutter" />}
      {marks.length > 0 && <PlanesCanvas key="marks" workspace={workspace} pane={pane} layers={marks} kind="planes" />}
    </>
  );
}

interface CanvasProps extends PaneProps {
  readonly layers: readonly Layer[];
  /** A shutter is no mark: pictures that are taken without marks have it too. */
  readonly kind: "planes" | "bitmap-shutter";
}

function PlanesCanvas({ pane, layers, kind }: CanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const size = useSize(canvas);
  const { placed } = pane.view.value; // drawn anew whenever the image lies otherwise
  useLayoutEffect(() => {
    const place = pane.controls.peek()?.imageToCanvas?.bind(pane.controls.peek());
    const context = canvas.current?.getContext("2d");
    if (!canvas.current || !context) return;
    const [wide, high] = size.map((side) => Math.round(side * devicePixelRatio));
    [canvas.current.width, canvas.current.height] = [wide ?? 0, high ?? 0];
    context.imageSmoothingEnabled = false;
    for (const { mask, colour } of layers) {
      const [origin, right, down] = [place?.([0, 0]), place?.([mask.columns, 0]), place?.([0, mask.rows])];
      if (!origin || !right || !down) continue;
      const step = (to: readonly [number, number], count: number): [number, number] => [
        ((to[0] - origin[0]) / count) * devicePixelRatio,
        ((to[1] - origin[1]) / count) * devicePixelRatio,
      ];
      const [across, along] = [step(right, mask.columns), step(down, mask.rows)];
      const side = Math.max(1, Math.ceil(1 / Math.min(Math.hypot(...across), Math.hypot(...along)) - ROUNDED));
      const picture = pictureOf(mask, colour, side);
      context.setTransform(...across, ...along, origin[0] * devicePixelRatio, origin[1] * devicePixelRatio);
      context.drawImage(picture, 0, 0, picture.width * side, picture.height * side);
    }
  }, [placed, size, ...layers.flatMap(({ mask, colour }) => [mask, colour])]);
  return <canvas ref={canvas} class={`marks ${kind}`} aria-hidden="true" data-testid={kind === "planes" ? "overlay-planes" : kind} data-planes={layers.length} />;
}

const ROUNDED = 1e-3; // of a block of pixels

const pictures = new WeakMap<Mask, Map<string, OffscreenCanvas>>();

/** The mask in its colour, `side` by `side` of its pixels as one. */
function pictureOf(mask: Mask, colour: string, side: number): OffscreenCanvas {
  const made = pictures.get(mask) ?? new Map<string, OffscreenCanvas>();
  pictures.set(mask, made);
  const name = `${side} ${colour}`;
  const known = made.get(name);
  if (known) return known;
  made.clear(); // it is looked at in one size at a time
  const { columns, rows, cells } = coarser(mask, side);
  const canvas = new OffscreenCanvas(columns, rows);
  const context = canvas.getContext("2d");
  if (context) {
    const image = context.createImageData(columns, rows);
    const [red = 255, green = 255, blue = 255] = (/\d+ \d+ \d+/.exec(colour)?.[0] ?? "").split(" ").filter(Boolean).map(Number);
    for (let at = 0; at < cells.length; at += 1) if (cells[at]) image.data.set([red, green, blue, 255], 4 * at);
    context.putImageData(image, 0, 0);
  }
  made.set(name, canvas);
  return canvas;
}
