/** The curve that a reader lays through a series: its points, undone and done again; where on it one looks, and how. */

import { batch, computed, signal } from "@preact/signals";

import { minus, type Vector } from "@/dicomweb/geometry";
import { pointAlong, smooth } from "@/model/curve";
import type { Form } from "@/model/reformation";
import type { SlabMode } from "@/viewport/volumeContract";

const STEP_MM = 0.5; // until the volume's voxels are known
const COLUMNS_MAX = 4000;
const UNDONE_MAX = 200;

/** How its reformations are looked at; lengths in mm, angles in degrees. */
export interface Look {
  readonly form: Form;
  readonly turn: number;
  readonly width: number;
  readonly slab: { readonly mm: number; readonly mode: SlabMode };
  /** Between cross-sections. */
  readonly gap: number;
}

/** A place along the curve, and which viewport went there. */
export interface Along {
  readonly mm: number;
  readonly by: string;
}

/** A UID of its own (PS3.5 B.2). */
function madeUid(): string {
  return `2.25.${crypto.getRandomValues(new Uint32Array(3)).reduce((sum, part) => sum * 0x100000000n + BigInt(part), 1n)}`;
}

export class CurvedPath {
  /** What the reader calls it. */
  readonly name = signal("");
  readonly points = signal<readonly Vector[]>([]);
  readonly chosen = signal<number | undefined>(undefined);
  /** Whether a tap on a plane sets a point. */
  readonly editing = signal(true);
  readonly at = signal<Along>({ mm: 0, by: "" });
  readonly look = signal<Look>({ form: "straightened", turn: 0, width: 40, slab: { mm: 0, mode: "maximum" }, gap: 5 });
  /** As fine as the voxels, mm. */
  readonly fineness = signal(STEP_MM);
  readonly path = computed(() => {
    const rough = smooth(this.points.value, Math.max(STEP_MM, this.fineness.value));
    if (!rough) return undefined;
    return smooth(this.points.value, Math.max(this.fineness.value, rough.length / COLUMNS_MAX));
  });
  readonly mayUndo = signal(false);
  readonly mayRedo = signal(false);

  constructor(
    /** Of the volume that it is laid through. */
    readonly seriesInstanceUid: string,
    /** By which it is known in the archive, too. */
    readonly uid = madeUid(),
  ) {}

  private past: (readonly Vector[])[] = [];
  private future: (readonly Vector[])[] = [];

  /** After the last point, or between those on both sides of `along`. */
  add(point: Vector, along?: number): void {
    const points = this.points.peek();
    const knots = this.path.peek()?.knots ?? [];
    const after = along === undefined ? -1 : knots.findIndex((knot) => knot > along);
    const place = after < 0 ? points.length : after;
    this.change([...points.slice(0, place), point, ...points.slice(place)], place);
  }

  /** Remember the points as they are: a drag begins. */
  grasp(index: number): void {
    this.remember();
    this.chosen.value = index;
  }

  /** Put a point elsewhere, while it is dragged. */
  drag(index: number, point: Vector): void {
    this.points.value = this.points.peek().map((one, at) => (at === index ? point : one));
  }

  remove(index = this.chosen.peek()): void {
    const points = this.points.peek();
    if (index === undefined || points[index] === undefined) return;
    const rest = points.filter((_, at) => at !== index);
    this.change(rest, rest.length === 0 ? undefined : Math.min(index, rest.length - 1));
  }

  clear(): void {
    if (this.points.peek().length > 0) this.change([], undefined);
  }

  /** What was the end is the beginning: points are added there. */
  turnRound(): void {
    const length = this.path.peek()?.length ?? 0;
    this.change([...this.points.peek()].toReversed(), undefined);
    this.at.value = { mm: length - this.at.peek().mm, by: "" };
  }

  undo(): void {
    this.exchange(this.past, this.future);
  }

  redo(): void {
    this.exchange(this.future, this.past);
  }

  goTo(mm: number, by: string): void {
    this.at.value = { mm: Math.max(0, Math.min(this.path.peek()?.length ?? 0, mm)), by };
  }

  /** The point of the patient where one looks. */
  place(): Vector | undefined {
    const path = this.path.value;
    return path && pointAlong(path, this.at.value.mm);
  }

  /** How far along the curve is nearest to a point. */
  nearest(point: Vector): number {
    const path = this.path.peek();
    let best = { along: 0, distance: Infinity };
    for (const [index, here] of (path?.positions ?? []).entries()) {
      const distance = Math.hypot(...minus(here, point));
      if (distance < best.distance) best = { along: index * (path?.step ?? 0), distance };
    }
    return best.along;
  }

  private change(points: readonly Vector[], chosen: number | undefined): void {
    batch(() => {
      this.remember();
      this.points.value = points;
      this.chosen.value = chosen;
    });
  }

  private remember(): void {
    this.past = [...this.past, this.points.peek()].slice(-UNDONE_MAX);
    this.future = [];
    this.tell();
  }

  private exchange(from: (readonly Vector[])[], to: (readonly Vector[])[]): void {
    const points = from.pop();
    if (!points) return;
    to.push(this.points.peek());
    batch(() => {
      this.points.value = points;
      this.chosen.value = undefined;
      this.tell();
    });
  }

  private tell(): void {
    this.mayUndo.value = this.past.length > 0;
    this.mayRedo.value = this.future.length > 0;
  }
}
