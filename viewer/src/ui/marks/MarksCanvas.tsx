/** What is marked on the image or plane of a viewport, drawn over it. */

import { useEffect, useRef, useState } from "preact/hooks";

import type { Frame } from "@/dicomweb/frames";
import { number, Tag } from "@/dicomweb/json";
import { marksOf, type Marks } from "@/model/marks";
import type { Pane } from "@/model/pane";
import type { Workspace } from "@/model/workspace";
import { paint, type Scene } from "@/ui/marks/paint";
import { imagePlace, planeScreen, stackScreen } from "@/ui/marks/place";
import type { PaneProps } from "@/ui/paneProps";
import { useSize } from "@/ui/useSize";
import type { PlanePlace } from "@/viewport/volumeContract";

interface StackMarksProps extends PaneProps {
  readonly frame: Frame;
}

/** Over the image of a stack. */
export function StackMarks({ workspace, pane, frame }: StackMarksProps) {
  const shown = shownIn(workspace, pane);
  const { placed } = pane.view.value; // drawn anew whenever the image lies otherwise
  const ready = pane.shown.value.kind === "ready";
  const scene = (size: readonly [number, number]): Scene | undefined => {
    const controls = pane.controls.peek();
    const image = imagePlace(frame);
    const screen = ready && controls ? stackScreen(image, controls, size) : undefined;
    return screen && { screen, image, thickness: number(frame.dataset, Tag.SliceThickness) ?? 0 };
  };
  if (shown.length === 0) return null;
  return <MarksCanvas marks={shown} scene={scene} changed={`${frame.sopInstanceUid}#${frame.frameNumber} ${placed} ${ready}`} />;
}

interface PlaneMarksProps extends PaneProps {
  readonly place: PlanePlace | undefined;
}

/** Over a plane that was cut out of a volume. */
export function PlaneMarks({ workspace, pane, place }: PlaneMarksProps) {
  const shown = shownIn(workspace, pane);
  if (shown.length === 0 || !place) return null;
  const { centre, cosines, mmPerPixel } = place;
  const scene = (size: readonly [number, number]): Scene => ({ screen: planeScreen(place, size), thickness: 0 });
  return <MarksCanvas marks={shown} scene={scene} changed={[...centre, ...cosines, mmPerPixel].join(" ")} />;
}

function shownIn(workspace: Workspace, pane: Pane): readonly Marks[] {
  return marksOf(workspace).all.value.filter((marks) => marks.shown.value && marks.belongsTo(pane.content.value));
}

interface MarksCanvasProps {
  readonly marks: readonly Marks[];
  /** Another value: another picture. */
  readonly changed: string;
  scene(size: readonly [number, number]): Scene | undefined;
}

function MarksCanvas({ marks, changed, scene }: MarksCanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const size = useSize(canvas);
  const [painted, setPainted] = useState(0);
  // every part's switch, and how much is here
  const state = marks
    .map((one) => `${one.loaded.value} ${one.opacity.value} ${one.parts.map((part) => Number(part.shown.value)).join("")}`)
    .join(" ");
  useEffect(() => {
    const [width, height] = size;
    if (!canvas.current || width === 0 || height === 0) return undefined;
    const element = canvas.current;
    const waiting = requestAnimationFrame(() => {
      const [wide, high] = [Math.round(width * devicePixelRatio), Math.round(height * devicePixelRatio)];
      if (element.width !== wide || element.height !== high) [element.width, element.height] = [wide, high];
      const found = scene(size);
      if (found) setPainted(paint(element, marks, found));
      else element.getContext("2d")?.clearRect(0, 0, wide, high);
    });
    return () => cancelAnimationFrame(waiting);
  }, [changed, state, size]);
  return <canvas ref={canvas} class="marks" aria-hidden="true" data-testid="marks" data-painted={painted} data-changed={changed} />;
}
