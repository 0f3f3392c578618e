/** Stacks that are scrolled together: by the place in the patient, or as far as another went where the spaces differ. */

import { batch, effect, signal, untracked, type Signal } from "@preact/signals";

import type { Frame } from "@/dicomweb/frames";
import { dot, minus, type Vector } from "@/dicomweb/geometry";
import type { Pane } from "@/model/pane";
import { isOfVolume } from "@/model/showing";
import { centre, isParallel, moved, nearest, planeOf, type Plane } from "@/model/planes";

const SHARED = 0.5; // of the shorter stack: as much in common, and positions mean the same place

/** Where a stack was put together with the others. */
interface Anchor {
  readonly series: string | undefined;
  readonly at: Vector;
}

/** What linking needs of the desk. */
export interface Desk {
  readonly panes: Signal<readonly Pane[]>;
  readonly active: { readonly value: Pane; peek(): Pane };
  readonly switches: { readonly linked: Signal<boolean> };
}

/** Of its image; a plane that is cut out of the stack goes by its own number. */
function planeIn(pane: Pane): Plane | undefined {
  const frame = isOfVolume(pane.showing.value) ? undefined : pane.frame.value;
  return frame && planeOf(frame);
}

function seriesOf(pane: Pane): string | undefined {
  return pane.showing.peek()?.series.seriesInstanceUid;
}

/** The first and the last position of a stack along a normal, mm; undefined where it has none. */
function extent(frames: readonly Frame[], normal: Vector): readonly [number, number] | undefined {
  const ends = [frames[0], frames.at(-1)].flatMap((frame) => (frame && planeOf(frame)) ?? []).map((plane) => dot(centre(plane), normal));
  const [one, other] = ends;
  return one === undefined || other === undefined ? undefined : [Math.min(one, other), Math.max(one, other)];
}

/**
 * How far the positions of `other` lie from those of `one`, mm along the normal, when nobody has put them together: 0 where they
 * have half of the shorter stack in common, else from middle to middle.
 */
export function naturalOffset(one: readonly Frame[], other: readonly Frame[], normal: Vector): number {
  const [a, b] = [extent(one, normal), extent(other, normal)];
  if (!a || !b) return 0;
  const common = Math.min(a[1], b[1]) - Math.max(a[0], b[0]);
  const shorter = Math.min(a[1] - a[0], b[1] - b[0]);
  if (common >= SHARED * shorter && common >= 0) return 0;
  return (b[0] + b[1] - a[0] - a[1]) / 2;
}

export class Linking {
  private readonly anchors = signal<ReadonlyMap<Pane, Anchor>>(new Map());
  private readonly stops: (() => void)[];
  /** To be put together by their positions as soon as both are known. */
  private natural = false;
  /** What was scrolled last, and which images have stood beside each other since: to take another stack in hand moves none. */
  private leading: Pane | undefined;
  private readonly together = new WeakMap<Pane, Frame>();

  constructor(private readonly desk: Desk) {
    this.stops = [
      effect(() => {
        if (desk.switches.linked.value) untracked(() => this.join());
      }),
      effect(() => {
        const pane = desk.active.value;
        const frame = pane.frame.value;
        for (const other of desk.panes.value) void other.content.value; // a stack that comes later is taken along
        const isTakenInHand = pane !== this.leading && frame !== undefined && this.together.get(pane) === frame;
        this.leading = pane;
        if (desk.switches.linked.value && !isTakenInHand) untracked(() => this.drag(pane));
      }),
    ];
  }

  /** Link stacks by their positions, not by what stands beside what just now. */
  byPosition(): void {
    batch(() => {
      this.natural = true;
      this.anchors.value = new Map();
      this.desk.switches.linked.value = true;
    });
    untracked(() => this.drag(this.desk.active.peek()));
  }

  /** Whether there is a stack beside it that can be scrolled with it. */
  hasCompany(pane: Pane): boolean {
    const plane = planeIn(pane);
    return plane !== undefined && this.desk.panes.value.some((other) => other !== pane && isCompanion(plane, planeIn(other)));
  }

  /** By what it is scrolled with the active stack, or that with the others: by the place in the patient, or, in another space, as far as it went. */
  basis(pane: Pane): "place" | "distance" {
    const active = this.desk.active.value;
    const plane = planeIn(active);
    const others = pane === active ? this.desk.panes.value.filter((one) => one !== pane) : [pane];
    const companions = others.map(planeIn).filter((one) => plane !== undefined && isCompanion(plane, one));
    return companions.every((one) => one?.frameOfReferenceUid === plane?.frameOfReferenceUid) ? "place" : "distance";
  }

  /** How far its positions lie from the active stack's, mm along the normal; undefined in the same space, or where it is not linked. */
  offset(pane: Pane): number | undefined {
    const active = this.desk.active.value;
    const [plane, own] = [planeIn(active), planeIn(pane)];
    const [from, to] = [this.anchors.value.get(active), this.anchors.value.get(pane)];
    if (pane === active || !this.desk.switches.linked.value || !plane || !isCompanion(plane, own) || !from || !to) return undefined;
    if (plane.frameOfReferenceUid === own?.frameOfReferenceUid) return undefined;
    return dot(minus(to.at, from.at), upwards(plane.normal));
  }

  close(): void {
    for (const stop of this.stops) stop();
  }

  /**
   * What is scrolled takes parallel stacks with it: in the same space by the place in the patient, in another (of
   * another study, say) as far as it went itself since both were put together.
   */
  private drag(pane: Pane): void {
    const plane = planeIn(pane);
    if (!plane) return;
    const start = this.anchor(pane, plane);
    for (const other of this.desk.panes.peek()) {
      const its = other === pane ? undefined : planeIn(other);
      if (!its || !isParallel(plane, its)) continue;
      const { frames } = other.content.peek();
      const index =
        nearest(frames, centre(plane), plane.frameOfReferenceUid) ?? nearest(frames, moved(this.anchor(other, its, pane), start, plane));
      if (index !== undefined) other.goTo(index);
    }
    for (const one of this.desk.panes.peek()) {
      const shown = one.frame.peek();
      if (shown) this.together.set(one, shown);
    }
  }

  /** Where the middle of the viewport's image was when its stack was linked to others. */
  private anchor(pane: Pane, plane: Plane, to?: Pane): Vector {
    const series = seriesOf(pane);
    const known = this.anchors.peek().get(pane);
    if (known && known.series === series) return known.at;
    const at = to && this.natural ? this.positioned(pane, to) : centre(plane);
    this.anchors.value = new Map(this.anchors.peek()).set(pane, { series, at });
    return at;
  }

  /** Where `pane` has what `to` had when it was linked. */
  private positioned(pane: Pane, to: Pane): Vector {
    const from = this.anchors.peek().get(to)?.at ?? [0, 0, 0];
    const plane = planeIn(to);
    if (!plane) return from;
    const normal = upwards(plane.normal);
    const away = naturalOffset(to.content.peek().frames, pane.content.peek().frames, normal);
    return [from[0] + away * normal[0], from[1] + away * normal[1], from[2] + away * normal[2]];
  }

  /** From here on stacks are scrolled together: as they stand now, unless by their positions. */
  private join(): void {
    if (this.natural && this.anchors.peek().size === 0) return;
    this.natural = false;
    this.anchors.value = new Map();
    for (const pane of this.desk.panes.peek()) {
      const plane = planeIn(pane);
      if (plane) this.anchor(pane, plane);
    }
  }
}

function isCompanion(plane: Plane, other: Plane | undefined): boolean {
  return other !== undefined && isParallel(plane, other);
}

/** The normal that looks to the patient's left, back or head, as positions are quoted. */
function upwards(normal: Vector): Vector {
  const main = [0, 1, 2].toSorted((a, b) => Math.abs(normal[b] ?? 0) - Math.abs(normal[a] ?? 0))[0] ?? 2;
  return (normal[main] ?? 0) < 0 ? [-normal[0], -normal[1], -normal[2]] : normal;
}
