/** From a series of images to planes and renderings of it: what stands where on the desk. */

import { batch, signal } from "@preact/signals";

import type { SeriesSummary } from "@/dicomweb/client";
import type { Frame } from "@/dicomweb/frames";
import { cross, dot, minus, vector, type Vector } from "@/dicomweb/geometry";
import { DRAWN_KINDS } from "@/dicomweb/measured";
import { phasesOf } from "@/dicomweb/phases";
import { hasWebGl2 } from "@/model/device";
import { fusion } from "@/model/fusion";
import type { Layout } from "@/model/layout";
import type { Cut, Pane } from "@/model/pane";
import { centre, nearest, planeOf } from "@/model/planes";
import { isOfVolume, type Showing } from "@/model/showing";
import type { Workspace } from "@/model/workspace";

export const ARRANGEMENTS = ["images", "planes", "planesAndSolid", "curved", "solid"] as const;
export type Arrangement = (typeof ARRANGEMENTS)[number];

/** Which moment of a series in time its planes show; one for all of them. */
export const moment = signal(0);

const NARROW_PX = 700; // of a phone: one viewport at a time

/** A point of the patient, mm, and in whose space. */
interface Aim {
  readonly at: Vector;
  readonly frameOfReferenceUid: string;
}

/** What stood on the desk before planes took its place. */
interface Hung {
  readonly layout: Layout;
  readonly active: number;
  readonly protocol: string | undefined;
  readonly point: Aim | undefined;
  readonly places: readonly { readonly showing: Showing | undefined; readonly imageIndex: number }[];
}

const hung = new WeakMap<Workspace, Hung>();

const MEASURES: ReadonlySet<string> = new Set(DRAWN_KINDS);

/** What is to be shown, and where in it. */
interface Subject {
  readonly series: SeriesSummary;
  readonly at: Vector;
  /** The image that says at which moment. */
  readonly image?: Pick<Frame, "sopInstanceUid" | "frameNumber"> | undefined;
}

/** Show the series of the active viewport so, at the point of the patient that was looked at; or what is named. */
export function arrange(workspace: Workspace, arrangement: Arrangement, width: number, named?: Subject): void {
  const series = named?.series ?? seriesOf(workspace, arrangement);
  if (!series) return;
  const point = pointOf(workspace);
  moment.value = momentOf(workspace, series, named?.image);
  const tool = workspace.tool.peek();
  const isTaken = arrangement === "curved" && (MEASURES.has(tool) || tool === "crosshair"); // a tap is a point of the curve alone
  if (isTaken || (arrangement !== "images" && tool === "magnify")) workspace.press("window");
  if (arrangement === "images" && restore(workspace, series)) return goTo(workspace, point);
  remember(workspace, point);
  const wished = named?.at ?? (isAtItsEnd(workspace) ? undefined : point?.at);
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
    if (!pane) continue;
    workspace.show(showing, pane);
    if (showing.kind !== "mpr") continue;
    if (!pane.cut.peek()) pane.wishedPoint = wished;
    else if (named) pane.controls.peek()?.goTo?.(named.at); // it stands already, and stays where it is
  }
  const [first] = workspace.panes.peek();
  if (first) workspace.activate(first);
  goTo(workspace, point);
}

/** Of a series in time the moment that an image is of: of the one named, or of what is looked at; planes that stand keep theirs. */
function momentOf(workspace: Workspace, series: SeriesSummary, named: Subject["image"]): number {
  const pane = workspace.active.peek();
  const isOwn = pane.showing.peek()?.series.seriesInstanceUid === series.seriesInstanceUid;
  if (!named && isOwn && isOfVolumes(pane)) return moment.peek();
  const image = named ?? (isOwn ? pane.frame.peek() : undefined);
  const frames = workspace.study.library.of(series).content.peek().frames;
  const own = (frame: Frame): boolean => frame.sopInstanceUid === image?.sopInstanceUid && frame.frameNumber === image.frameNumber;
  return image ? Math.max(0, phasesOf(frames)?.findIndex((phase) => phase.frames.some(own)) ?? 0) : 0;
}

/** That of the active viewport; where it lies over another on the screen, its planes are those of both. */
function seriesOf(workspace: Workspace, arrangement: Arrangement): SeriesSummary | undefined {
  const series = workspace.active.peek().showing.peek()?.series;
  const laid = fusion.peek();
  if (arrangement === "images" || laid?.over.seriesInstanceUid !== series?.seriesInstanceUid) return series;
  const shown = workspace.panes.peek().map(({ showing }) => showing.peek()?.series);
  return shown.find((one) => one?.seriesInstanceUid === laid?.base) ?? series;
}

/** The point of the patient that is looked at: where the planes meet, or the middle of the image. */
function pointOf(workspace: Workspace): Aim | undefined {
  const pane = workspace.active.peek();
  const frame = pane.frame.peek();
  const plane = frame && planeOf(frame);
  if (!frame || !plane) return undefined;
  const frameOfReferenceUid = plane.frameOfReferenceUid;
  const uid = pane.showing.peek()?.series.seriesInstanceUid;
  const own = workspace.panes.peek().filter(({ showing }) => showing.peek()?.series.seriesInstanceUid === uid);
  const cuts = [pane, ...own].flatMap(({ cut }) => cut.peek() ?? []);
  const [first] = cuts;
  if (!first && isOfVolumes(pane)) return hung.get(workspace)?.point;
  if (!first) {
    const aimed = workspace.cross.peek();
    return aimed?.frameOfReferenceUid === frameOfReferenceUid ? { at: aimed.point, frameOfReferenceUid } : { at: centre(plane), frameOfReferenceUid };
  }
  return { at: cuts.slice(1).reduce((at, one) => onto(one, at), first.centre), frameOfReferenceUid };
}

/** The point of the plane that is nearest. */
function onto({ cosines, centre: on }: Cut, point: Vector): Vector {
  const [row, column] = [vector(cosines), vector(cosines, 3)];
  if (!row || !column) return point;
  const normal = cross(row, column);
  const away = dot(minus(on, point), normal);
  return [point[0] + away * normal[0], point[1] + away * normal[1], point[2] + away * normal[2]];
}

/** Stacks go to the image nearest to the point. */
/** A stack where it opened, or gone through: its outermost image is no place in the patient that was chosen; planes open in the middle. */
function isAtItsEnd(workspace: Workspace): boolean {
  const { content, imageIndex, showing } = workspace.active.peek();
  if (showing.peek()?.kind !== "stack" || workspace.cross.peek()) return false;
  return imageIndex.peek() === 0 || imageIndex.peek() === content.peek().frames.length - 1;
}

function goTo(workspace: Workspace, point: Aim | undefined): void {
  if (!point) return;
  for (const pane of workspace.panes.peek()) {
    if (pane.showing.peek()?.kind !== "stack") continue;
    const index = nearest(pane.content.peek().frames, point.at, point.frameOfReferenceUid);
    if (index !== undefined) pane.goTo(index);
  }
}

function isOfVolumes({ showing }: Pane): boolean {
  return isOfVolume(showing.peek());
}

/** Keep what stands on the desk, unless it is planes already. */
function remember(workspace: Workspace, point: Aim | undefined): void {
  const panes = workspace.panes.peek();
  if (isOfVolumes(workspace.active.peek())) return;
  if (panes.some(isOfVolumes)) {
    hung.delete(workspace); // the reader put it together
    return;
  }
  hung.set(workspace, {
    layout: workspace.layout.peek(),
    active: workspace.activeIndex.peek(),
    protocol: workspace.hanger.protocol.peek(),
    point,
    places: panes.map(({ showing, imageIndex }) => ({ showing: showing.peek(), imageIndex: imageIndex.peek() })),
  });
}

/** Hang again what stood here before the planes of one of its series; false where nothing did. */
function restore(workspace: Workspace, series: SeriesSummary): boolean {
  const before = hung.get(workspace);
  const isOfIt = before?.places.some(({ showing }) => showing?.series.seriesInstanceUid === series.seriesInstanceUid) ?? false;
  if (!before || !isOfIt || !isOfVolumes(workspace.active.peek())) return false;
  hung.delete(workspace);
  batch(() => {
    workspace.hanger.touched();
    workspace.stand(before.layout.rows, before.layout.columns);
    for (const [index, pane] of workspace.panes.peek().entries()) {
      const place = before.places[index];
      pane.show(place?.showing);
      pane.goTo(place?.imageIndex ?? 0);
    }
    workspace.activeIndex.value = before.active;
    workspace.hanger.protocol.value = before.protocol;
  });
  return true;
}
