/** The curves of a desk: several through a series, one of them in hand; saved and read like everything that was measured. */

import { batch, computed, signal, untracked, type Signal } from "@preact/signals";

import type { Frame } from "@/dicomweb/frames";
import type { Measured, SpacePoint } from "@/dicomweb/measured";
import { phasesOf } from "@/dicomweb/phases";
import { smooth } from "@/model/curve";
import { CurvedPath } from "@/model/curvedPath";
import type { Pane } from "@/model/pane";
import { nearest, planeOf } from "@/model/planes";
import { arrange, moment } from "@/model/volumes";
import type { Workspace } from "@/model/workspace";

const LINE_POINTS = 500; // of a saved curve: other programs draw straight pieces
const LINE_MM = 0.5;
const BY_LIST = "list"; // went to a place along the curve

/** Where a curve lies, as reports name it. */
type Place = Pick<Measured, "sopInstanceUid" | "frameNumber"> & { readonly frameOfReferenceUid: string };

/** As the archive has it. */
interface Kept extends Place {
  readonly points: readonly SpacePoint[];
  readonly label: string;
}

export class LaidCurves {
  private readonly all = signal<readonly CurvedPath[]>([]);
  /** The one in hand, by series. */
  private readonly inHand = new Map<string, Signal<CurvedPath>>();
  /** Of those that the archive has. */
  private readonly places = new Map<string, Kept>();

  /** Those that are curves by now. */
  readonly laid = computed(() => this.all.value.filter(({ points }) => points.value.length > 1));

  /** The one in hand through a series, empty when nobody has laid one. */
  through(seriesInstanceUid: string): CurvedPath {
    return this.handOf(seriesInstanceUid).value;
  }

  /** Begin another through the same series. */
  begin(seriesInstanceUid: string): void {
    const path = new CurvedPath(seriesInstanceUid);
    batch(() => {
      this.all.value = [...this.all.peek(), path];
      this.handOf(seriesInstanceUid).value = path;
    });
  }

  take(path: CurvedPath): void {
    this.handOf(path.seriesInstanceUid).value = path;
  }

  /** Take in what the archive has; whoever has begun one already keeps it in hand. */
  place(measured: readonly Measured[]): void {
    const known = new Set(this.all.peek().map(({ uid }) => uid));
    for (const one of measured) {
      if (one.kind !== "curve" || !one.space || known.has(one.uid)) continue;
      const { sopInstanceUid, frameNumber, space } = one;
      known.add(one.uid);
      this.places.set(one.uid, { sopInstanceUid, frameNumber, ...space, label: one.label });
      const path = new CurvedPath(one.seriesInstanceUid, one.uid);
      path.points.value = space.points;
      path.name.value = one.label;
      path.editing.value = false; // a tap shall not change what is finished
      this.all.value = [...this.all.peek(), path];
    }
  }

  /** Whether nobody has changed it since it was read. */
  isKept({ uid, points, name }: CurvedPath): boolean {
    const kept = this.places.get(uid);
    return kept !== undefined && kept.points === points.value && kept.label === name.value;
  }

  /** The image that the archive knows a curve to lie on, if it does. */
  imageOf({ uid }: CurvedPath): Pick<Place, "sopInstanceUid" | "frameNumber"> | undefined {
    return this.places.get(uid);
  }

  /**
   * What a report says of one; undefined where its images say no frame of reference, in which alone others find it. Of one whose
   * image is gone, it is the nearest of those that are left.
   */
  measured(path: CurvedPath, frames: readonly Frame[], isGone: (image: Pick<Place, "sopInstanceUid" | "frameNumber">) => boolean = () => false): Measured | undefined {
    const kept = this.places.get(path.uid);
    const near = kept && !isGone(kept) ? undefined : placeIn(phasesOf(frames)?.[moment.peek()]?.frames ?? frames, path);
    const place = near ?? kept;
    return place && measuredAlong(path, place);
  }

  private handOf(seriesInstanceUid: string): Signal<CurvedPath> {
    const known = this.inHand.get(seriesInstanceUid);
    if (known) return known;
    const own = this.all.peek().filter((one) => one.seriesInstanceUid === seriesInstanceUid);
    const path = own.at(-1) ?? new CurvedPath(seriesInstanceUid);
    if (own.length === 0) untracked(() => (this.all.value = [...this.all.peek(), path]));
    const hand = signal(path);
    this.inHand.set(seriesInstanceUid, hand);
    return hand;
  }
}

/** The image that is nearest to where the curve begins. */
function placeIn(frames: readonly Frame[], { points }: CurvedPath): Place | undefined {
  const [first] = points.value;
  const index = first && nearest(frames, first);
  const frame = index === undefined ? undefined : frames[index];
  const plane = frame && planeOf(frame);
  return plane && { sopInstanceUid: frame.sopInstanceUid, frameNumber: frame.frameNumber, frameOfReferenceUid: plane.frameOfReferenceUid };
}

function measuredAlong(path: CurvedPath, { sopInstanceUid, frameNumber, frameOfReferenceUid }: Place): Measured | undefined {
  const points = path.points.value as readonly SpacePoint[];
  const length = path.path.value?.length;
  const line = length === undefined ? undefined : smooth(points, Math.max(LINE_MM, length / LINE_POINTS));
  if (length === undefined || !line) return undefined;
  return {
    uid: path.uid,
    kind: "curve",
    seriesInstanceUid: path.seriesInstanceUid,
    sopInstanceUid,
    frameNumber,
    points: [],
    space: { frameOfReferenceUid, points },
    line: line.positions,
    label: path.name.value.trim(),
    figures: [{ name: "length", value: length, unit: "mm" }],
    foreign: false,
  };
}

/** The curve of the pane's series, while a viewport shows what lies along it. */
export function curveOf(workspace: Workspace, pane: Pane): CurvedPath | undefined {
  const uid = pane.showing.value?.series.seriesInstanceUid;
  return uid !== undefined && isLookedAlong(workspace, uid) ? workspace.curves.through(uid) : undefined;
}

function isLookedAlong(workspace: Workspace, seriesInstanceUid: string): boolean {
  return workspace.panes.value.some(({ showing: { value } }) => value?.kind === "curved" && value.series.seriesInstanceUid === seriesInstanceUid);
}

/** Look along a curve that was laid before, with the planes where it begins. */
export function openCurve(workspace: Workspace, path: CurvedPath, width: number): void {
  const series = [...workspace.study.series.peek(), ...workspace.beside.series].find(({ seriesInstanceUid }) => seriesInstanceUid === path.seriesInstanceUid);
  const [first] = path.points.peek();
  if (!series || !first) return;
  batch(() => {
    workspace.curves.take(path);
    path.at.value = { mm: 0, by: BY_LIST };
    if (!isLookedAlong(workspace, path.seriesInstanceUid)) arrange(workspace, "curved", width, { series, at: first, image: workspace.curves.imageOf(path) });
  });
}

/** Take the last change of the pane's curve back, or make it again, while its points are being set. Whether there was one. */
export function undoCurve(workspace: Workspace, pane: Pane, name: "undo" | "redo"): boolean {
  const curve = curveOf(workspace, pane);
  if (!curve?.editing.peek() || !(name === "undo" ? curve.mayUndo : curve.mayRedo).peek()) return false;
  curve[name]();
  return true;
}
