/** The window: one for all planes of a volume; of two examinations beside each other alike where values mean the same in both, else changed by as much. */

import { effect, untracked } from "@preact/signals";

import { number, Tag, type Dataset } from "@/dicomweb/json";
import { mostAlike, standingIn } from "@/model/alike";
import type { Picture } from "@/model/hanging";
import type { Desk } from "@/model/linking";
import type { Pane } from "@/model/pane";
import type { ViewKind } from "@/model/showing";
import type { Window } from "@/tools/presets";

const MEANS_THE_SAME = new Set(["CT"]); // Hounsfield units; other devices have grey values of their own
const ALIKE = 1e-3; // of the width
const PLANES: ReadonlySet<ViewKind | undefined> = new Set(["mpr", "curved"]);

/** The window that the object itself names first. */
function namedIn(dataset: Dataset | undefined): Window | undefined {
  const [center, width] = [number(dataset ?? {}, Tag.WindowCenter), number(dataset ?? {}, Tag.WindowWidth)];
  return center === undefined || width === undefined ? undefined : { center, width };
}

export function isSameWindow(one: Window, other: Window): boolean {
  const near = ALIKE * Math.max(one.width, other.width);
  return Math.abs(one.center - other.center) <= near && Math.abs(one.width - other.width) <= near;
}

/** What `now` is to `own`, of `other`: as much wider or narrower, and as far aside in widths. */
export function changedAlike(other: Window, own: Window, now: Window): Window {
  const width = (other.width * now.width) / own.width;
  return { center: other.center + ((now.center - own.center) * other.width) / own.width, width };
}

/** The other planes of the volume that `pane` shows a plane of. */
function planesBeside(pane: Pane, panes: readonly Pane[]): Pane[] {
  const shown = pane.showing.peek();
  const isOfIt = ({ showing }: Pane): boolean => PLANES.has(showing.peek()?.kind) && showing.peek()?.series.seriesInstanceUid === shown?.series.seriesInstanceUid;
  return PLANES.has(shown?.kind) ? panes.filter((one) => one !== pane && isOfIt(one)) : [];
}

interface Standing extends Picture {
  readonly pane: Pane;
}

/** Of each other study on the screen, the viewport that shows what `pane` does: each the most alike to the other. */
function companions(pane: Pane, panes: readonly Pane[]): Pane[] {
  const all = panes.flatMap((one): Standing[] => {
    const picture = standingIn(one);
    return picture ? [{ ...picture, pane: one }] : [];
  });
  const shown = all.find((one) => one.pane === pane);
  if (!shown) return [];
  const of = (study: string): Standing[] => all.filter(({ series }) => series.studyInstanceUid === study);
  const own = of(shown.series.studyInstanceUid);
  const studies = new Set(all.map(({ series }) => series.studyInstanceUid));
  studies.delete(shown.series.studyInstanceUid);
  return [...studies].flatMap((study) => {
    const other = mostAlike(shown, of(study));
    return other && mostAlike(other, own)?.series.seriesInstanceUid === shown.series.seriesInstanceUid ? other.pane : [];
  });
}

function show(pane: Pane, wanted: Window): void {
  const { window: now } = pane.view.peek();
  if (!now || isSameWindow(wanted, now)) return;
  pane.controls.peek()?.applyPreset({ name: "linked", label: { text: "" }, kind: "values", window: wanted });
}

export class WindowLinking {
  /** How each viewport showed its series at first; undefined: as each of its images says. */
  private readonly opened = new WeakMap<Pane, Window | undefined>();
  private readonly stops: (() => void)[];

  constructor(
    private readonly desk: Pick<Desk, "panes" | "active">,
    isOn: () => boolean,
  ) {
    this.stops = [
      effect(() => {
        for (const pane of desk.panes.value) this.look(pane);
      }),
      effect(() => {
        const pane = desk.active.value;
        const { window } = pane.view.value;
        for (const other of desk.panes.value) void other.shown.value.kind; // one that comes later is taken along
        const compares = isOn();
        if (!window) return;
        untracked(() => {
          for (const other of planesBeside(pane, desk.panes.peek())) show(other, window);
          if (compares) this.share(pane, window);
        });
      }),
    ];
  }

  close(): void {
    for (const stop of this.stops) stop();
  }

  private look(pane: Pane): void {
    const { window } = pane.view.value;
    if (!window) this.opened.delete(pane);
    if (!window || pane.shown.value.kind !== "ready" || this.opened.has(pane)) return;
    const named = namedIn(pane.frame.peek()?.dataset);
    this.opened.set(pane, named && isSameWindow(named, window) ? undefined : window);
  }

  private own(pane: Pane): Window | undefined {
    return this.opened.has(pane) ? (this.opened.get(pane) ?? namedIn(pane.frame.peek()?.dataset)) : undefined;
  }

  private share(pane: Pane, window: Window): void {
    const own = this.own(pane);
    for (const other of companions(pane, this.desk.panes.peek())) {
      const its = this.own(other);
      const isSame = MEANS_THE_SAME.has(pane.showing.peek()?.series.modality ?? "");
      const wanted = isSame ? window : own && its && changedAlike(its, own, window);
      if (wanted) show(other, wanted);
    }
  }
}
