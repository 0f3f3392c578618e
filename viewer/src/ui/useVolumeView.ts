/** A viewport of planes or of a rendering in a pane: opened when its place stands, told to toolbar and keys, closed with it. */

import { useEffect, useRef, useState } from "preact/hooks";

import { loadViewport } from "@/ui/lazyViewport";
import type { PaneProps } from "@/ui/paneProps";
import { type LoadState, NOTHING_LOADED } from "@/ui/volumeParts";
import type { ViewControls, ViewportModule } from "@/viewport/contract";
import type { VolumeFailure, VolumeListener } from "@/viewport/volumeContract";

interface Wanted<Opened extends ViewControls> extends PaneProps {
  open(module: ViewportModule, element: HTMLDivElement, listener: VolumeListener): Opened;
  /** There are no voxels to be had: the node's picture has to do. */
  setFailed(why: VolumeFailure): void;
  /** The view is opened anew when this changes. */
  readonly subject?: unknown;
}

interface VolumeViewport<Opened> {
  /** Where it is to stand. */
  readonly element: { current: HTMLDivElement | null };
  /** Undefined while it is on its way. */
  readonly view: Opened | undefined;
  readonly state: LoadState;
}

export function useVolumeView<Opened extends ViewControls>(wanted: Wanted<Opened>): VolumeViewport<Opened> {
  const { workspace, pane, open, setFailed, subject } = wanted;
  const element = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<Opened | undefined>(undefined);
  const [state, setState] = useState<LoadState>(NOTHING_LOADED);
  useEffect(() => {
    let left = false;
    let opened: Opened | undefined;
    const listener: VolumeListener = {
      progress: (loaded, total, bytesLeft) => setState((now) => ({ ...now, loaded, total, bytesLeft })),
      ready: (reduced) => setState((now) => ({ ...now, ready: true, reduced })),
      viewed: (seen) => {
        pane.view.value = seen;
      },
      failed: setFailed,
    };
    loadViewport()
      .then((module) => {
        if (left || !element.current) return;
        opened = open(module, element.current, listener);
        opened.setTool(workspace.tool.peek());
        pane.controls.value = opened;
        setView(opened);
      })
      .catch(() => {
        workspace.broken.value = true;
      });
    return () => {
      left = true;
      opened?.close();
      if (pane.controls.peek() === opened) pane.controls.value = undefined;
      pane.pixel.value = undefined;
      pane.tell(undefined);
    };
  }, [workspace, pane, subject]);
  return { element, view, state };
}
