/** From a series of images to planes and renderings of it: what stands where on the desk. */

import { signal } from "@preact/signals";

import { hasWebGl2 } from "@/model/device";
import type { Showing } from "@/model/showing";
import type { Workspace } from "@/model/workspace";

export const ARRANGEMENTS = ["images", "planes", "planesAndSolid", "curved", "solid"] as const;
export type Arrangement = (typeof ARRANGEMENTS)[number];

/** Whether the planes of a volume are connected by a crosshair; one for all of them. */
export const crosshair = signal(false);

/** Which moment of a series in time its planes show; one for all of them. */
export const moment = signal(0);

const NARROW_PX = 700; // of a phone: one viewport at a time

/** Show the series of the active viewport so. */
export function arrange(workspace: Workspace, arrangement: Arrangement, width: number): void {
  const series = workspace.active.peek().showing.peek()?.series;
  if (!series) return;
  moment.value = 0;
  const plane = (name: string): Showing => ({ kind: "mpr", series, options: { plane: name } });
  const solid: Showing = { kind: "volume", series };
  const curved: Showing = { kind: "curved", series };
  const planes = [plane("axial"), plane("coronal"), plane("sagittal")];
  const wanted: Readonly<Record<Arrangement, readonly Showing[]>> = {
    images: [{ kind: "stack", series }],
    planes,
    planesAndSolid: [...planes, solid],
    // without planes of its own the device has the images to lay a curve on
    curved: hasWebGl2() && width >= NARROW_PX ? [...planes, curved] : [hasWebGl2() ? plane("axial") : { kind: "stack", series }, curved],
    solid: [solid],
  };
  const all = wanted[arrangement];
  const shown = width < NARROW_PX ? all.slice(0, arrangement === "curved" ? 2 : 1) : all;
  workspace.setLayout(shown.length > 3 ? 2 : 1, shown.length > 3 ? 2 : shown.length);
  for (const [index, showing] of shown.entries()) {
    const pane = workspace.panes.peek()[index];
    if (pane) workspace.show(showing, pane);
  }
  const [first] = workspace.panes.peek();
  if (first) workspace.activate(first);
}
