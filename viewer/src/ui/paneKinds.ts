/** Who draws what a viewport is asked to show. */

import type { ComponentType } from "preact";

import type { SeriesContent } from "@/dicomweb/frames";
import { isSegmentation } from "@/dicomweb/segmentation";
import { isStructureSet } from "@/dicomweb/structureSet";
import type { Showing, ViewKind } from "@/model/showing";
import { CurvedPane } from "@/ui/curved/CurvedPane";
import { DocumentPane } from "@/ui/documents/DocumentPane";
import { OverlayPane } from "@/ui/marks/OverlayPane";
import { MprPane } from "@/ui/MprPane";
import type { PaneProps } from "@/ui/paneProps";
import { SlidePane } from "@/ui/slide/SlidePane";
import { ViewportPane } from "@/ui/ViewportPane";
import { VolumePane } from "@/ui/VolumePane";

/** A kind without a line here is shown as the stack of its images. */
const DRAWN_BY: Partial<Readonly<Record<ViewKind, ComponentType<PaneProps>>>> = {
  curved: CurvedPane,
  document: DocumentPane,
  mpr: MprPane,
  overlay: OverlayPane,
  slide: SlidePane,
  volume: VolumePane,
};

/** What a series is shown as, once it is known what is in it. */
export function kindOf({ kind, options }: Showing, { frames, others, slides }: SeriesContent): ViewKind {
  const [dataset] = [...frames.slice(0, 1).map((frame) => frame.dataset), ...others];
  const marks = dataset !== undefined && (isSegmentation(dataset) || isStructureSet(dataset));
  if (kind === "stack" && marks && !options?.["own"]) return "overlay";
  if (kind === "stack" && slides.length > 0 && !options?.["own"]) return "slide";
  return frames.length === 0 ? "document" : kind;
}

export function drawnBy(kind: ViewKind): ComponentType<PaneProps> {
  return DRAWN_BY[kind] ?? ViewportPane;
}
