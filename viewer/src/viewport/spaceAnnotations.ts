/** Measurements on planes through a volume, between Cornerstone's annotations and points in the patient. */

import { type Types as ToolTypes } from "@cornerstonejs/tools";

import type { Frame } from "@/dicomweb/frames";
import { cross, dot, minus, vector, type Vector } from "@/dicomweb/geometry";
import { numbers, Tag, text } from "@/dicomweb/json";
import type { DrawnKind, Measured, SpacePoint } from "@/dicomweb/measured";
import { figuresOf, isPartial } from "@/viewport/figures";
import { TOOL_OF_KIND } from "@/viewport/toolGroup";

type Annotation = ToolTypes.Annotation;

const FRAME_OF_REFERENCE_UID = "00200052";
const SQUARE = 1e-3; // cosine

/** The planes of the patient, and what is up on them. */
const PLANES: readonly { readonly normal: Vector; readonly up: Vector }[] = [
  { normal: [0, 0, -1], up: [0, -1, 0] },
  { normal: [0, -1, 0], up: [0, 0, 1] },
  { normal: [1, 0, 0], up: [0, 0, 1] },
];

/** The names that tell of a volume: not every tool keeps the same of them. */
function volumeNames({ metadata, data }: Annotation): string[] {
  const { volumeId, referencedImageId } = (metadata ?? {}) as { volumeId?: string; referencedImageId?: string };
  const stats = Object.keys((data as { cachedStats?: object }).cachedStats ?? {}).filter((key) => key.startsWith("volumeId:"));
  const slice = referencedImageId?.startsWith("planes:") ? [referencedImageId] : [];
  return [...(volumeId === undefined ? [] : [volumeId]), ...slice, ...stats];
}

/** Drawn on a plane, not on an image. */
export function isOnPlane(drawn: Annotation): boolean {
  return volumeNames(drawn).length > 0;
}

/** Whether it was drawn on planes through the volume of one of these series. */
export function isOfSeries(drawn: Annotation, series: ReadonlySet<string>): boolean {
  return volumeNames(drawn).some((name) => series.has(/planes:([0-9.]+):/.exec(name)?.[1] ?? ""));
}

/** What a report says of it; undefined where its volume says no frame of reference, in which alone others find it. */
export function measuredOnPlane(
  drawn: Annotation,
  kind: DrawnKind,
  uid: string,
  points: readonly SpacePoint[],
  frames: readonly Frame[],
): Measured | undefined {
  const { FrameOfReferenceUID: space } = drawn.metadata as { FrameOfReferenceUID?: string };
  const [first] = points;
  const own = frames.filter(({ dataset }) => text(dataset, FRAME_OF_REFERENCE_UID) === space);
  const series = volumeNames(drawn).map((name) => /planes:([0-9.]+):/.exec(name)?.[1]).find((uid) => uid !== undefined);
  const near = first && nearest(series ? own.filter(({ seriesInstanceUid }) => seriesInstanceUid === series) : own, first);
  if (!near || !space) return undefined;
  const stats = (drawn.data as { cachedStats?: Record<string, unknown> }).cachedStats ?? {};
  const key = Object.keys(stats).find((one) => one.startsWith("volumeId:") && (!series || one.includes(series)));
  return {
    uid,
    kind,
    seriesInstanceUid: near.seriesInstanceUid,
    sopInstanceUid: near.sopInstanceUid,
    frameNumber: near.frameNumber,
    points: [],
    space: { frameOfReferenceUid: space, points },
    label: drawn.data.label ?? "",
    figures: key ? figuresOf(kind, stats[key], near.dataset) : [],
    ...(key !== undefined && isPartial(stats[key]) && { partial: true }),
    foreign: false,
  };
}

/** The image whose plane is nearest to a point. */
function nearest(frames: readonly Frame[], point: Vector): Frame | undefined {
  let best: { readonly frame: Frame; readonly distance: number } | undefined;
  for (const frame of frames) {
    const cosines = numbers(frame.dataset, Tag.ImageOrientationPatient);
    const [row, column, origin] = [vector(cosines), vector(cosines, 3), vector(numbers(frame.dataset, Tag.ImagePositionPatient))];
    if (!row || !column || !origin) continue;
    const distance = Math.abs(dot(minus(point, origin), cross(row, column)));
    if (!best || distance < best.distance) best = { frame, distance };
  }
  return best?.frame;
}

function unit(a: Vector): Vector | undefined {
  const length = Math.hypot(...a);
  return length > 1e-6 ? [a[0] / length, a[1] / length, a[2] / length] : undefined;
}

/**
 * The plane that points lie on. A line lies on many: it is shown on the first of the patient's planes that holds it,
 * else on the one that is nearest to an axial plane.
 */
export function planeThrough(points: readonly SpacePoint[]): { readonly normal: Vector; readonly up: Vector } {
  const [axial] = PLANES as readonly [(typeof PLANES)[number]];
  const [first, second] = points;
  if (!first || !second) return axial;
  const ways = points.slice(1).map((point) => minus(point, first));
  const holds = ({ normal }: { normal: Vector }): boolean =>
    ways.every((way) => Math.abs(dot(way, normal)) <= SQUARE * Math.max(1, Math.hypot(...way)));
  const known = PLANES.find(holds);
  if (known) return known;
  const crossed = ways.map((way, index) => unit(cross(way, ways[index + 1] ?? way))).find((one) => one !== undefined);
  const along = unit(ways[0] ?? [1, 0, 0]) ?? [1, 0, 0];
  const across = dot(axial.normal, along);
  const leaning: Vector = [0, 1, 2].map((axis) => (axial.normal[axis] ?? 0) - across * (along[axis] ?? 0)) as unknown as Vector;
  const normal = crossed ?? unit(leaning) ?? axial.normal;
  const away = dot(axial.up, normal);
  const up = unit([0, 1, 2].map((axis) => (axial.up[axis] ?? 0) - away * (normal[axis] ?? 0)) as unknown as Vector);
  return { normal, up: up ?? [0, 0, 1] };
}

/** The ends of the axis along what is up, then of the other one: as the tool has its handles. */
function upright([a, b, c, d]: readonly SpacePoint[], up: Vector): SpacePoint[] {
  if (!a || !b || !c || !d) return [];
  const along = (from: SpacePoint, to: SpacePoint): number => Math.abs(dot(unit(minus(to, from)) ?? [0, 0, 0], up));
  return along(a, b) >= along(c, d) ? [a, b, c, d] : [c, d, a, b];
}

/** Tools change points in place. */
function copied([x, y, z]: SpacePoint): [number, number, number] {
  return [x, y, z];
}

/** As Cornerstone keeps what is drawn on a plane. */
export function planeAnnotation({ uid, label, space, open }: Measured, kind: DrawnKind): Annotation {
  const points = space?.points ?? [];
  const { normal, up } = planeThrough(points);
  const handles: readonly SpacePoint[] =
    kind === "ellipse"
      ? upright(points, up)
      : kind === "rectangle"
        ? [0, 1, 3, 2].flatMap((at) => (points[at] ? [points[at]] : []))
        : kind === "text" && points[0]
          ? [points[0], points[0]]
          : points;
  const outlined = kind === "freehand";
  const nowhere = [0, 0, 0];
  const box = { topLeft: nowhere, topRight: nowhere, bottomLeft: nowhere, bottomRight: nowhere };
  return {
    annotationUID: uid,
    highlighted: false,
    invalidated: true,
    isLocked: false,
    isVisible: true,
    metadata: {
      toolName: TOOL_OF_KIND[kind],
      FrameOfReferenceUID: space?.frameOfReferenceUid,
      volumeId: "",
      viewPlaneNormal: [...normal],
      viewUp: [...up],
      cameraFocalPoint: [...(points[0] ?? nowhere)],
    },
    data: {
      label,
      handles: {
        points: outlined ? [] : handles.map(copied),
        activeHandleIndex: null,
        arrowFirst: true,
        textBox: { hasMoved: false, worldPosition: nowhere, worldBoundingBox: box },
      },
      cachedStats: {},
      initialRotation: 0,
      ...(outlined && { contour: { polyline: points.map(copied), closed: open !== true } }),
    },
  } as unknown as Annotation;
}
