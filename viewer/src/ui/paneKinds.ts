/** Who draws what a viewport is asked to show. */

import type { ComponentType } from "preact";

import type { ViewKind } from "@/model/showing";
import { DocumentPane } from "@/ui/documents/DocumentPane";
import { MprPane } from "@/ui/MprPane";
import type { PaneProps } from "@/ui/paneProps";
import { ViewportPane } from "@/ui/ViewportPane";
import { VolumePane } from "@/ui/VolumePane";

/** A kind without a line here is shown as the stack of its images. */
const DRAWN_BY: Partial<Readonly<Record<ViewKind, ComponentType<PaneProps>>>> = {
  document: DocumentPane,
  mpr: MprPane,
  volume: VolumePane,
};

export function drawnBy(kind: ViewKind): ComponentType<PaneProps> {
  return DRAWN_BY[kind] ?? ViewportPane;
}
