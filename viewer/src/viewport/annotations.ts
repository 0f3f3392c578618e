/** Measurements between Cornerstone's annotations, in the patient's space, and values on the image (`dicomweb/measured`). */

import { eventTarget } from "@cornerstonejs/core";
import { annotation, Enums, type Types as ToolTypes } from "@cornerstonejs/tools";

import type { Frame } from "@/dicomweb/frames";
import { cross, dot, minus } from "@/dicomweb/geometry";
import { number, Tag, text } from "@/dicomweb/json";
import type { DrawnKind, Figure, ImagePoint, Measured, SpacePoint } from "@/dicomweb/measured";
import { figuresOf, isPartial } from "@/viewport/figures";
import { gridOf, toImage, toWorld } from "@/viewport/imageGrid";
import { imageIdOf, nativeImageId, plainImageId, renderedImageId, storedImageId } from "@/viewport/metadata";
import { figureNow } from "@/viewport/settling";
import { isOfSeries, isOnPlane, measuredOnPlane, planeAnnotation } from "@/viewport/spaceAnnotations";
import { KIND_OF_TOOL, TOOL_OF_KIND } from "@/viewport/toolGroup";

type Annotation = ToolTypes.Annotation;

const { Events } = Enums;
const { state, locking, config } = annotation;
const FIXED_DASH = "6,4";

/** UUIDs are UIDs under 2.25 (PS3.5 B.2), so that a measurement keeps its name through the archive. */
function uidOf(annotationUid: string): string {
  return /^[0-9a-f-]{36}$/i.test(annotationUid) ? `2.25.${BigInt(`0x${annotationUid.replaceAll("-", "")}`)}` : annotationUid;
}

function distance(one: readonly number[] | undefined, other: readonly number[] | undefined): number {
  return one && other ? Math.hypot(...one.map((value, axis) => value - (other[axis] ?? 0))) : 0;
}

/** Longer pair first. */
function byLength<Place extends readonly number[]>([a, b, c, d]: readonly Place[]): Place[] {
  const pairs = a && b && c && d ? [a, b, c, d] : [];
  return distance(a, b) < distance(c, d) ? [...pairs.slice(2), ...pairs.slice(0, 2)] : pairs;
}

type Points = readonly ImagePoint[];

function picked<Place extends readonly number[]>(points: readonly Place[], order: readonly number[]): Place[] {
  return order.map((at) => points[at]).filter((point) => point !== undefined);
}

/** From a tool's handles to the order of reports, and back; the others are alike. */
const FROM_HANDLES: Partial<Readonly<Record<DrawnKind, <Place extends readonly number[]>(points: readonly Place[]) => Place[]>>> = {
  bidirectional: byLength,
  ellipse: byLength,
  rectangle: (points) => picked(points, [0, 1, 3, 2]),
  text: (points) => points.slice(0, 1),
  probe: (points) => points.slice(0, 1),
};
const TO_HANDLES: Partial<Readonly<Record<DrawnKind, (points: Points) => ImagePoint[]>>> = {
  ellipse: ellipseHandles,
  rectangle: (points) => picked(points, [0, 1, 3, 2]),
  text: ([point]) => (point ? [point, point] : []),
};

/** The ends of the upright axis, upper first, then left and right. */
function ellipseHandles([a, b, c, d]: Points): ImagePoint[] {
  if (!a || !b || !c || !d) return [];
  const upright = Math.abs(a[1] - b[1]) > Math.abs(a[0] - b[0]);
  const [vertical, level] = upright ? [[a, b], [c, d]] : [[c, d], [a, b]]; // prettier-ignore
  return [
    ...(vertical ?? []).toSorted((one, other) => one[1] - other[1]),
    ...(level ?? []).toSorted((one, other) => one[0] - other[0]),
  ];
}

function handlesOf({ data }: Annotation): readonly (readonly number[])[] {
  const contour = (data as { contour?: { polyline?: readonly (readonly number[])[] } }).contour?.polyline;
  return contour ?? data.handles?.points ?? [];
}

/** Those that are left alone, by the names of their annotations. */
const fixed = new Set<string>();

function fix(name: string): void {
  fixed.add(name);
  locking.setAnnotationLocked(name, true);
  config.style.setAnnotationStyles(name, { lineDash: FIXED_DASH } as never);
}

function isFixed({ foreign, fixed: left }: Measured): boolean {
  return foreign || left === true;
}

/** Studies may share the UID of a finding that is followed: one that is left alone has a name of its own beside the reader's. */
function fixedName({ uid, sopInstanceUid, space }: Measured): string {
  return `${uid}@${sopInstanceUid || (space?.frameOfReferenceUid ?? "")}`;
}

/** The frames by each name that the viewport may know their images by. */
function imagesOf(frames: readonly Frame[]): ReadonlyMap<string, Frame> {
  return new Map(frames.flatMap((frame) => [storedImageId, nativeImageId, renderedImageId].map((name) => [name(frame), frame] as const)));
}

const ENDS: Partial<Readonly<Record<DrawnKind, number>>> = { angle: 3, cobb: 4 };

function isUnfinished(kind: DrawnKind, { data }: Annotation): boolean {
  return (data.handles?.points?.length ?? 0) < (ENDS[kind] ?? 0);
}

/** Every finished measurement on these images, with its figures of now. */
export function measuredOn(frames: readonly Frame[]): Measured[] {
  figureNow();
  const images = imagesOf(frames);
  return state.getAllAnnotations().flatMap((one): Measured[] => {
    const imageId = one.metadata?.referencedImageId ?? "";
    const frame = images.get(plainImageId(imageId));
    const kind = KIND_OF_TOOL[one.metadata?.toolName ?? ""];
    if (!kind || !one.annotationUID || isUnfinished(kind, one)) return [];
    if (!frame) {
      const handles = isOnPlane(one) ? (handlesOf(one) as readonly SpacePoint[]) : [];
      if (handles.length === 0 || ((kind === "arrow" || kind === "text") && !one.data.label)) return [];
      const found = measuredOnPlane(one, kind, uidOf(one.annotationUID), FROM_HANDLES[kind]?.(handles) ?? handles, frames);
      return found ? [{ ...found, foreign: fixed.has(one.annotationUID) }] : [];
    }
    const grid = gridOf(frame);
    const points = handlesOf(one).map((world) => toImage(grid, world));
    const label = one.data.label ?? "";
    if (points.length === 0 || ((kind === "arrow" || kind === "text") && label === "")) return []; // its text is being asked for
    const stats = (one.data as { cachedStats?: Record<string, unknown> }).cachedStats?.[`imageId:${imageId}`];
    const uid = uidOf(one.annotationUID);
    return [
      {
        uid,
        kind,
        seriesInstanceUid: frame.seriesInstanceUid,
        sopInstanceUid: frame.sopInstanceUid,
        frameNumber: frame.frameNumber,
        points: FROM_HANDLES[kind]?.(points) ?? points,
        label,
        figures: figuresOf(kind, stats, frame.dataset) as Figure[],
        ...(isPartial(stats) && { partial: true }),
        foreign: fixed.has(one.annotationUID),
      },
    ];
  });
}

/** How many were drawn on planes through these images, which name no frame of reference: no report can say where they lie. */
export function nowhereOn(frames: readonly Frame[]): number {
  const lost = frames.filter(({ dataset }) => text(dataset, "00200052") === "");
  const series = new Set(lost.map(({ seriesInstanceUid }) => seriesInstanceUid));
  return state.getAllAnnotations().filter((one) => KIND_OF_TOOL[one.metadata?.toolName ?? ""] && isOnPlane(one) && isOfSeries(one, series)).length;
}

/**
 * Show measurements on those of these images that they lie on. What is there already stays as it is, unless it could be
 * changed while its study was read and no longer can, or the other way round: then it is shown as the archive has it.
 */
export function place(frames: readonly Frame[], measurements: readonly Measured[]): void {
  const present = new Map(state.getAllAnnotations().map((one) => [uidOf(one.annotationUID ?? ""), one]));
  const images = imagesOf(frames);
  for (const measured of measurements) {
    const [plain, left] = [measured.uid, fixedName(measured)];
    const [name, otherwise] = isFixed(measured) ? [left, plain] : [plain, left];
    const made = present.has(name) ? undefined : drawnAs(measured, frames);
    if (!made) continue;
    const before = present.get(otherwise);
    const isOfStudy = images.has(plainImageId(before?.metadata?.referencedImageId ?? "")) || (measured.space && before?.metadata?.FrameOfReferenceUID === measured.space.frameOfReferenceUid);
    if (before?.annotationUID && isOfStudy) discard(before.annotationUID);
    made.annotationUID = name;
    state.addAnnotation(made, String(made.metadata?.FrameOfReferenceUID));
    if (isFixed(measured)) fix(name);
  }
}

function discard(name: string): void {
  fixed.delete(name);
  locking.setAnnotationLocked(name, false);
  state.removeAnnotation(name);
}

/** Of this study on its planes, of other makers on an image; undefined where that is not among these. */
function drawnAs(measured: Measured, frames: readonly Frame[]): Annotation | undefined {
  const { kind } = measured;
  if (kind === "curve") return undefined; // no tool's: `model/laidCurves.ts` has it
  if (measured.space && !measured.foreign) return planeAnnotation(measured, kind);
  const frame = frames.find((one) => liesOn(measured, one));
  return frame && annotationOf(measured, kind, frame);
}

const THINNEST_MM = 1;

function liesOn({ sopInstanceUid, frameNumber, space }: Measured, frame: Frame): boolean {
  if (!space) return frame.sopInstanceUid === sopInstanceUid && frame.frameNumber === frameNumber;
  if (text(frame.dataset, "00200052") !== space.frameOfReferenceUid || frame.dataset[Tag.ImagePositionPatient] === undefined) {
    return false;
  }
  const grid = gridOf(frame);
  const normal = cross(grid.row, grid.column);
  const reach = Math.max(number(frame.dataset, Tag.SliceThickness) ?? 0, THINNEST_MM) / 2;
  return space.points.every((point) => Math.abs(dot(minus(point, grid.origin), normal)) <= reach);
}

interface Placed extends Annotation {
  metadata: Annotation["metadata"] & { FrameOfReferenceUID?: string };
}

function annotationOf(measured: Measured, kind: DrawnKind, frame: Frame): Placed {
  const grid = gridOf(frame);
  const flat = measured.space ? measured.space.points.map((point) => toImage(grid, point)) : measured.points;
  const normal = cross(grid.row, grid.column);
  const points = (TO_HANDLES[kind]?.(flat) ?? flat).map((point) => toWorld(grid, point));
  const outlined = kind === "freehand";
  const nowhere: [number, number, number] = [0, 0, 0];
  const box = { topLeft: nowhere, topRight: nowhere, bottomLeft: nowhere, bottomRight: nowhere };
  return {
    annotationUID: measured.uid,
    highlighted: false,
    invalidated: true,
    isLocked: false,
    isVisible: true,
    metadata: {
      toolName: TOOL_OF_KIND[kind],
      referencedImageId: imageIdOf(frame),
      FrameOfReferenceUID: text(frame.dataset, "00200052") || undefined,
      viewPlaneNormal: [-normal[0], -normal[1], -normal[2]],
      viewUp: [-grid.column[0], -grid.column[1], -grid.column[2]],
    },
    data: {
      label: measured.label,
      handles: {
        points: outlined ? [] : points,
        activeHandleIndex: null,
        arrowFirst: true,
        textBox: { hasMoved: false, worldPosition: nowhere, worldBoundingBox: box },
      },
      cachedStats: {},
      initialRotation: 0,
      ...(outlined && { contour: { polyline: points, closed: measured.open !== true } }),
    },
  } as unknown as Placed;
}

const CHANGES = [Events.ANNOTATION_ADDED, Events.ANNOTATION_COMPLETED, Events.ANNOTATION_MODIFIED, Events.ANNOTATION_REMOVED];

/** Be told of every change of a measurement; returns how to stop. */
export function followMeasurements(changed: () => void): () => void {
  for (const name of CHANGES) eventTarget.addEventListener(name, changed);
  return () => {
    for (const name of CHANGES) eventTarget.removeEventListener(name, changed);
  };
}
