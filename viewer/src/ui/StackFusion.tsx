/** PET or another volume over the images of a stack: the same choices as over planes. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import type { Frame } from "@/dicomweb/frames";
import { Tag, text } from "@/dicomweb/json";
import { fusible, fusion, type Fusion } from "@/model/fusion";
import { plus, scaled, type Screen } from "@/model/screen";
import { unit } from "@/model/curve";
import type { Ends } from "@/tools/presets";
import { ColourBar } from "@/ui/ColourBar";
import { FusionControls } from "@/ui/FusionControls";
import { loadViewport } from "@/ui/lazyViewport";
import { imagePlace, stackScreen } from "@/ui/marks/place";
import type { PaneProps } from "@/ui/paneProps";
import { useSize } from "@/ui/useSize";
import "@/ui/barBelow.css";
import type { Sheet, VolumeFailure, VolumeLayer } from "@/viewport/volumeContract";

const FRAME_OF_REFERENCE_UID = "00200052";
const EMISSION = new Set(["PT", "NM"]);
const GRAIN_PX = 2; // emission is coarser than the screen

interface StackFusionProps extends PaneProps {
  readonly frame: Frame;
}

interface StackFusionLayerProps extends StackFusionProps {
  setFailed(why: VolumeFailure | undefined): void;
  setEnds(ends: Ends | undefined): void;
}

/** What lies over the images. */
export function StackFusionLayer(props: StackFusionLayerProps) {
  const shown = shownOver(props);
  return shown && isOffered(props) ? <Layer {...props} shown={shown} /> : null;
}

interface StackFusionBarProps extends StackFusionProps {
  readonly failed: VolumeFailure | undefined;
  readonly ends: Ends | undefined;
}

/** The choices, below the images, so that they cover nothing of them. */
export function StackFusionBar(props: StackFusionBarProps) {
  const { workspace, pane, frame, failed, ends } = props;
  const { frames } = pane.content.value;
  const beneath = useMemo(() => ({ frames, frameOfReferenceUid: text(frame.dataset, FRAME_OF_REFERENCE_UID) }), [frames, frame]);
  if (!isOffered(props)) return null;
  return (
    <div class="stack-fusion">
      <FusionControls workspace={workspace} pane={pane} volume={beneath} failed={failed} ends={ends} />
    </div>
  );
}

function shownOver({ pane }: PaneProps): Fusion | undefined {
  const base = pane.showing.value?.series;
  return base && fusion.value?.base === base.seriesInstanceUid ? fusion.value : undefined;
}

/** Where something emits, or lies over the images already. */
function isOffered(props: StackFusionProps): boolean {
  const { workspace, pane, frame } = props;
  const base = pane.showing.value?.series;
  const choices = base ? fusible(workspace, base) : [];
  const emission = [...choices, ...(base ? [base] : [])].some(({ modality }) => EMISSION.has(modality));
  return choices.length > 0 && (emission || shownOver(props) !== undefined) && Tag.ImagePositionPatient in frame.dataset;
}

interface LayerProps extends StackFusionLayerProps {
  readonly shown: Fusion;
}

function Layer({ pane, frame, shown, setFailed, setEnds }: LayerProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const size = useSize(canvas);
  const [layer, setLayer] = useState<VolumeLayer | undefined>(undefined);
  useEffect(() => {
    let left = false;
    let opened: VolumeLayer | undefined;
    setFailed(undefined);
    loadViewport()
      .then(({ openVolumeLayer }) => {
        if (left) return;
        opened = openVolumeLayer({ ready: () => setLayer(opened), failed: setFailed }, shown.volume);
      })
      .catch(() => setFailed("memory"));
    return () => {
      left = true;
      opened?.close();
      setLayer(undefined);
    };
  }, [shown.volume]);
  useEffect(() => {
    const { origin, row, column, columnSpacing, rowSpacing } = imagePlace(frame).grid;
    pane.valueOver = layer && ((at) => layer.valueAt(plus(origin, scaled(row, at.column * columnSpacing), scaled(column, at.row * rowSpacing))));
    return () => {
      pane.valueOver = undefined;
    };
  }, [pane, layer, frame]);
  const ends = layer?.ends(shown.preset);
  useEffect(() => {
    setEnds(ends);
    return () => setEnds(undefined);
  }, [layer, shown.preset]);
  const { placed } = pane.view.value; // drawn anew whenever the image lies otherwise
  const ready = pane.shown.value.kind === "ready";
  useEffect(() => {
    const controls = pane.controls.peek();
    const screen = ready && controls ? stackScreen(imagePlace(frame), controls, size) : undefined;
    const picture = layer && screen && layer.picture(sheetOf(screen), shown);
    const element = canvas.current;
    if (!element) return;
    [element.width, element.height] = picture ? [picture.width, picture.height] : [1, 1];
    if (picture) element.getContext("2d")?.putImageData(picture, 0, 0);
  }, [layer, placed, ready, frame, size, shown]);
  return (
    <>
      <canvas ref={canvas} class="marks" aria-hidden="true" data-testid="stack-fusion" data-shown={layer !== undefined && ready} />
      {ends && <ColourBar shown={shown} ends={ends} />}
    </>
  );
}

/** The screen, a value for every few pixels. */
function sheetOf({ origin, right, down, width, height }: Screen): Sheet {
  const rows = Math.floor(height / GRAIN_PX);
  const columns = Array.from({ length: Math.floor(width / GRAIN_PX) }, (_, index) => ({
    centre: plus(origin, scaled(right, (index + 0.5) * GRAIN_PX), scaled(down, (rows / 2) * GRAIN_PX)),
    down: unit(down),
    through: unit(down), // there is no slab
    along: 0,
    below: 0,
  }));
  return { columns, rows, step: GRAIN_PX * Math.hypot(...down) };
}
