/** Measurements as reports hold them (TID 1500): values between Cornerstone, the node and structured reports. */

import { isOwn, items, number, numbers, Tag, text, type Dataset } from "@/dicomweb/json";

export const DRAWN_KINDS = [
  "length", "bidirectional", "angle", "cobb", "ellipse", "rectangle", "freehand", "arrow", "text", "probe",
] as const; // prettier-ignore
export type DrawnKind = (typeof DRAWN_KINDS)[number];
/** A curve lies in no single image or plane; all else is drawn with a tool. */
export type MeasuredKind = DrawnKind | "curve";

/** Column and row; (0, 0) is the corner of the first pixel (PS3.3 C.18.6.1.2). */
export type ImagePoint = readonly [number, number];
export type SpacePoint = readonly [number, number, number];

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Millimetres of a projection's receptor. */
  readonly at_detector?: true;
}

/** One measurement; its points in the order that `pacs/dicom/written/values.py` tells. */
export interface Measured {
  readonly uid: string;
  readonly kind: MeasuredKind;
  /** "" where a report does not say it. */
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
  readonly frameNumber: number;
  readonly points: readonly ImagePoint[];
  /** Instead of `points`: in mm in the patient. Drawn on a plane, or of another maker on an image that is to be found. */
  readonly space?: { readonly frameOfReferenceUid: string; readonly points: readonly SpacePoint[] };
  /** Of a curve: itself from point to point; in `space` are the points that it is laid through. */
  readonly line?: readonly SpacePoint[];
  readonly label: string;
  readonly figures: readonly Figure[];
  /** A part of the region lies beside the image or volume, and the figures are of the rest. */
  readonly partial?: boolean;
  /** A line that does not end where it began. */
  readonly open?: boolean;
  /** Of another maker's report: shown, and left alone. */
  readonly foreign: boolean;
  /** Drawn here, but in another study than the one that is read: left alone, too. */
  readonly fixed?: boolean;
}

/** A measurement's kind and place as the node takes them. */
export function wireForm(one: Measured): Readonly<Record<string, unknown>> {
  return {
    kind: one.kind,
    series_instance_uid: one.seriesInstanceUid,
    sop_instance_uid: one.sopInstanceUid,
    frame_number: one.frameNumber,
    points: one.points,
    tracking_uid: one.uid,
    ...(one.space && { space: one.space.points, frame_of_reference_uid: one.space.frameOfReferenceUid }),
    ...(one.line && { line: one.line }),
    ...(one.partial === true && { partly_outside: true }),
  };
}

const SR = {
  CodeValue: "00080100",
  ReferencedSOPSequence: "00081199",
  ReferencedSOPInstanceUID: "00081155",
  ReferencedFrameNumber: "00081160",
  ReferencedSeriesSequence: "00081115",
  EvidenceSequence: "0040A375",
  UID: "0040A124",
  PredecessorDocumentsSequence: "0040A360",
  GraphicData: "00700022",
  GraphicType: "00700023",
  ReferencedFrameOfReferenceUID: "30060024",
} as const;

const MEASUREMENT_GROUP = "125007";
const TRACKING_IDENTIFIER = "112039";
const TRACKING_UID = "112040";
const COMMENT = "121106";
const FINDING = "121071";
const EXTENT = "REGION_EXTENT";
const PARTLY_OUTSIDE = "PARTLY_OUTSIDE";
const FREE_TEXT = "CORNERSTONEFREETEXT";
const LONG_AXES = new Set(["103339001", "G-A185"]);
const SHORT_AXES = new Set(["103340004", "G-A186"]);
const ANGLES = new Set(["1483009", "285285000", "G-A22A"]);
const DEEPEST = 12;
const NEAR = 0.02; // pixels; what single precision and rounding leave

const BY_TOOL: Readonly<Record<string, MeasuredKind>> = {
  Length: "length",
  Bidirectional: "bidirectional",
  Angle: "angle",
  CobbAngle: "cobb",
  EllipticalROI: "ellipse",
  RectangleROI: "rectangle",
  PlanarFreehandROI: "freehand",
  ArrowAnnotate: "arrow",
  Label: "text",
  Probe: "probe",
  Curve: "curve",
};

/** The SOP Instance UIDs of the reports whose place this one takes. */
export function predecessorsOf(report: Dataset): string[] {
  return items(report, SR.PredecessorDocumentsSequence)
    .flatMap((study) => items(study, SR.ReferencedSeriesSequence))
    .flatMap((series) => items(series, SR.ReferencedSOPSequence))
    .map((reference) => text(reference, SR.ReferencedSOPInstanceUID));
}

/** The series of every image that a report or a selection refers to, by SOP Instance UID. */
export function seriesOfImages(object: Dataset): Map<string, string> {
  const found = new Map<string, string>();
  for (const series of items(object, SR.EvidenceSequence).flatMap((study) => items(study, SR.ReferencedSeriesSequence))) {
    for (const image of items(series, SR.ReferencedSOPSequence)) {
      found.set(text(image, SR.ReferencedSOPInstanceUID), text(series, Tag.SeriesInstanceUID));
    }
  }
  return found;
}

function conceptOf(item: Dataset): string {
  const code = items(item, Tag.ConceptNameCodeSequence)[0];
  return code ? text(code, SR.CodeValue) : "";
}

/** Every measurement of a report that lies on an image; none of other objects. */
export function measurementsOf(report: Dataset): Measured[] {
  const foreign = !isOwn(report);
  const source = text(report, Tag.SOPInstanceUID);
  const series = seriesOfImages(report);
  return groupsOf(report, 0).flatMap((group, index) => fromGroup(group, `${source}.${index + 1}`, foreign, series));
}

function groupsOf(item: Dataset, depth: number): Dataset[] {
  if (depth > DEEPEST) return [];
  return items(item, Tag.ContentSequence).flatMap((child) =>
    conceptOf(child) === MEASUREMENT_GROUP ? [child] : groupsOf(child, depth + 1),
  );
}

/** A region or line of a report, with the figure that was measured on it. */
interface Shape {
  readonly concept: string;
  readonly type: string;
  readonly flat: readonly number[];
  readonly sopInstanceUid: string;
  readonly frameNumber: number;
  readonly frameOfReferenceUid: string;
}

function shapeOf(item: Dataset, concept: string): Shape[] {
  const valueType = text(item, Tag.ValueType);
  if (valueType !== "SCOORD" && valueType !== "SCOORD3D") return [];
  const image = items(item, Tag.ContentSequence).find((child) => text(child, Tag.ValueType) === "IMAGE");
  const reference = image && items(image, SR.ReferencedSOPSequence)[0];
  return [
    {
      concept,
      type: text(item, SR.GraphicType),
      flat: numbers(item, SR.GraphicData),
      sopInstanceUid: reference ? text(reference, SR.ReferencedSOPInstanceUID) : "",
      frameNumber: (reference && number(reference, SR.ReferencedFrameNumber)) ?? 1,
      frameOfReferenceUid: valueType === "SCOORD3D" ? text(item, SR.ReferencedFrameOfReferenceUID) : "",
    },
  ];
}

function fromGroup(group: Dataset, otherUid: string, foreign: boolean, series: ReadonlyMap<string, string>): Measured[] {
  const children = items(group, Tag.ContentSequence);
  const one = (concept: string): Dataset | undefined => children.find((child) => conceptOf(child) === concept);
  const numeric = children.filter((child) => text(child, Tag.ValueType) === "NUM");
  const regions = children.flatMap((child) => shapeOf(child, ""));
  const lines = numeric.flatMap((child) => items(child, Tag.ContentSequence).flatMap((below) => shapeOf(below, conceptOf(child))));
  const [first] = regions.length > 0 ? regions : lines;
  if (!first) return [];
  const axes = [LONG_AXES, SHORT_AXES].map((codes) => lines.find(({ concept }) => codes.has(concept)));
  const tool = one(TRACKING_IDENTIFIER) ? (text(one(TRACKING_IDENTIFIER) as Dataset, Tag.TextValue).split(":")[1] ?? "") : "";
  const isBidirectional = axes[0] !== undefined && axes[1] !== undefined;
  const flat = isBidirectional ? [...(axes[0]?.flat ?? []), ...(axes[1]?.flat ?? [])] : first.flat;
  const figures = numeric.flatMap(figureOf);
  const uid = (one(TRACKING_UID) && text(one(TRACKING_UID) as Dataset, SR.UID)) || otherUid;
  const label = labelOf(children);
  const image = children.find((child) => text(child, Tag.ValueType) === "IMAGE"); // that what is in space was taken from
  const source = image && items(image, SR.ReferencedSOPSequence)[0];
  const sopInstanceUid = first.sopInstanceUid || (source ? text(source, SR.ReferencedSOPInstanceUID) : "");
  const frameNumber = first.sopInstanceUid ? first.frameNumber : ((source && number(source, SR.ReferencedFrameNumber)) ?? 1);
  const seriesInstanceUid = series.get(sopInstanceUid) ?? "";
  const extent = items(one(EXTENT) ?? {}, Tag.ConceptCodeSequence)[0];
  const partial = extent !== undefined && text(extent, SR.CodeValue) === PARTLY_OUTSIDE;
  const base = { uid, seriesInstanceUid, sopInstanceUid, frameNumber, label, figures, foreign, ...(partial && { partial }) };
  if (first.frameOfReferenceUid !== "") {
    const points = chunks(flat, 3) as unknown as SpacePoint[];
    const shaped = (!foreign && (asDrawn(tool, points) ?? asLaid(tool, points, lines))) || shaping(first.type, points, tool, isBidirectional, figures.length > 0, lines);
    const space = { frameOfReferenceUid: first.frameOfReferenceUid, points: shaped.points as readonly SpacePoint[] };
    return shaped.points.length === 0 ? [] : [{ ...base, ...shaped, points: [], space }];
  }
  const points = chunks(flat, 2) as unknown as ImagePoint[];
  if (first.sopInstanceUid === "" || points.length === 0) return [];
  const shaped = shaping(first.type, points, tool, isBidirectional, figures.length > 0, lines);
  return [{ ...base, ...shaped, points: shaped.points as readonly ImagePoint[] }];
}

/** Ellipses and rectangles that were drawn here on planes are those of the tool, however the plane is turned. */
function asDrawn(tool: string, points: readonly SpacePoint[]): Shaping | undefined {
  const kind = BY_TOOL[tool];
  if (kind === "ellipse" && points.length === 4) return { kind, points };
  return kind === "rectangle" && points.length === 5 ? { kind, points: points.slice(0, 4) } : undefined;
}

/** The points of a curve are its own, its length tells of the line. */
function asLaid(tool: string, points: readonly SpacePoint[], [line]: readonly Shape[]): Shaping | undefined {
  if (BY_TOOL[tool] !== "curve" || points.length < 2 || !line) return undefined;
  return { kind: "curve", points, line: chunks(line.flat, 3) as unknown as SpacePoint[] };
}

type Coordinates = readonly number[];

interface Shaping {
  readonly kind: MeasuredKind;
  readonly points: readonly Coordinates[];
  readonly open?: boolean;
  readonly line?: readonly SpacePoint[];
}

/** Which tool shows a shape, and its points as that tool has them. */
function shaping(
  type: string,
  points: readonly Coordinates[],
  tool: string,
  isBidirectional: boolean,
  hasFigures: boolean,
  lines: readonly Shape[],
): Shaping {
  const known = BY_TOOL[tool];
  if ((isBidirectional || known === "bidirectional") && points.length === 4) return { kind: "bidirectional", points };
  if (type === "ELLIPSE" && points.length === 4) return ellipse(points);
  if (type === "ELLIPSOID") return { kind: "probe", points: points.slice(0, 1) };
  if (type === "CIRCLE" && points.length === 2) return { kind: "freehand", points: circle(points) };
  if (type === "POINT" || type === "MULTIPOINT") {
    return { kind: known === "text" || known === "probe" ? known : hasFigures ? "probe" : "text", points: points.slice(0, 1) };
  }
  const closed = points.length > 2 && isNear(points[0], points.at(-1));
  const around = closed ? points.slice(0, -1) : points;
  if (known === "arrow" && around.length === 2) return { kind: "arrow", points: around };
  const angled = known === "angle" || lines.some(({ concept }) => ANGLES.has(concept));
  if ((known === "cobb" || angled) && points.length === 4 && known !== "angle" && !isNear(points[1], points[2])) {
    return { kind: "cobb", points };
  }
  if (angled && points.length === 4) return { kind: "angle", points: [0, 1, 3].map((at) => points[at] ?? []) };
  if (angled && points.length === 3) return { kind: "angle", points };
  if (around.length === 2) return { kind: "length", points: around };
  if (known === "rectangle" && around.length === 4 && isUpright(around)) return { kind: "rectangle", points: around };
  return closed ? { kind: "freehand", points: around } : { kind: "freehand", points, open: true };
}

/** Cornerstone's ellipses lie along rows and columns; others become their outline. */
function ellipse(points: readonly Coordinates[]): Shaping {
  const [a, b, c, d] = points as [Coordinates, Coordinates, Coordinates, Coordinates];
  if (a.length === 2 && isUpright([a, c, b, d], true)) return { kind: "ellipse", points };
  const middle = a.map((value, axis) => (value + (b[axis] ?? 0)) / 2);
  const half = (from: Coordinates, to: Coordinates): number[] => from.map((value, axis) => ((to[axis] ?? 0) - value) / 2);
  return { kind: "freehand", points: outline(middle, half(a, b), half(c, d)) };
}

function circle(points: readonly Coordinates[]): Coordinates[] {
  const [[x = 0, y = 0] = [], [u = 0, v = 0] = []] = points;
  const radius = Math.hypot(u - x, v - y);
  return outline([x, y], [radius, 0], [0, radius]);
}

const STEPS = 72;

function outline(middle: Coordinates, major: Coordinates, minor: Coordinates): Coordinates[] {
  return Array.from({ length: STEPS }, (_, step) => {
    const angle = (2 * Math.PI * step) / STEPS;
    return middle.map((value, axis) => value + (major[axis] ?? 0) * Math.cos(angle) + (minor[axis] ?? 0) * Math.sin(angle));
  });
}

/** Whether sides, or the diagonals of a figure whose corners lie in the middles of sides, run along rows and columns. */
function isUpright(corners: readonly Coordinates[], diagonals = false): boolean {
  const step = diagonals ? 2 : 1;
  return corners.every((from, index) => {
    const to = corners[(index + step) % corners.length] ?? from;
    const [across, along] = [Math.abs((from[0] ?? 0) - (to[0] ?? 0)), Math.abs((from[1] ?? 0) - (to[1] ?? 0))];
    return from.length === 2 && Math.min(across, along) < NEAR * 5;
  });
}

function isNear(one: Coordinates | undefined, other: Coordinates | undefined): boolean {
  return one !== undefined && other !== undefined && one.every((value, axis) => Math.abs(value - (other[axis] ?? NaN)) < NEAR);
}

function chunks(flat: readonly number[], size: number): number[][] {
  return Array.from({ length: Math.floor(flat.length / size) }, (_, index) => flat.slice(index * size, (index + 1) * size));
}

function labelOf(children: readonly Dataset[]): string {
  const comment = children.find((child) => conceptOf(child) === COMMENT);
  if (comment) return text(comment, Tag.TextValue);
  for (const child of children) {
    const code = items(child, Tag.ConceptCodeSequence)[0];
    if (conceptOf(child) === FINDING && code && text(code, SR.CodeValue) === FREE_TEXT) return text(code, Tag.CodeMeaning);
  }
  return "";
}

/** What the node calls figures and units (`pacs/dicom/written/measurements.py`), by their codes. */
const FIGURES: Readonly<Record<string, string>> = {
  "410668003": "length",
  "103339001": "long_axis",
  "103340004": "short_axis",
  "1483009": "angle",
  "285285000": "angle",
  "42798000": "area",
  "131191004": "perimeter",
  "373098007": "mean",
  "386136009": "standard_deviation",
  "255605001": "minimum",
  "56851009": "maximum",
  "112031": "value",
  "246205007": "value",
  ...Object.fromEntries(["time", "velocity", "frequency", "distance", "quantity"].flatMap((name) => [[name.toUpperCase(), name], [`${name.toUpperCase()}_SPAN`, name]])),
};
const UNITS: Readonly<Record<string, string>> = {
  "1": "",
  "{pixels}": "px",
  "{pixels}2": "px2",
  "[hnsf'U]": "HU",
  "{SUVbw}g/ml": "SUVbw",
  "Bq/ml": "Bq/mL",
  "g/ml": "g/mL",
};

const MEASUREMENT_METHOD = "370129005";
const AT_DETECTOR = "AT_DETECTOR";

function isAtDetector(figure: Dataset): boolean {
  const method = items(figure, Tag.ContentSequence).find((child) => conceptOf(child) === MEASUREMENT_METHOD);
  return items(method ?? {}, Tag.ConceptCodeSequence).some((code) => text(code, SR.CodeValue) === AT_DETECTOR);
}

function figureOf(item: Dataset): Figure[] {
  const name = items(item, Tag.ConceptNameCodeSequence)[0];
  const measured = items(item, Tag.MeasuredValueSequence)[0];
  const value = measured && number(measured, Tag.NumericValue);
  if (!name || !measured || value === undefined) return [];
  const unit = items(measured, Tag.MeasurementUnitsCodeSequence)[0];
  const code = unit ? text(unit, SR.CodeValue) : "";
  return [
    {
      name: FIGURES[text(name, SR.CodeValue)] ?? text(name, Tag.CodeMeaning),
      value,
      unit: UNITS[code] ?? code.replace(/^\{(.*)\}$/u, "$1"),
      ...(isAtDetector(item) && { at_detector: true }),
    },
  ];
}

function areNear(some: readonly Coordinates[], others: readonly Coordinates[]): boolean {
  return some.length === others.length && some.every((point, index) => isNear(point, others[index]));
}

/** Axes in another order, or from their other end, are the same two. */
const ORDERS: readonly (readonly number[])[] = [[0, 1, 2, 3], [2, 3, 0, 1]].flatMap(([a = 0, b = 0, c = 0, d = 0]) => [
  [a, b, c, d], [b, a, c, d], [a, b, d, c], [b, a, d, c],
]); // prettier-ignore

function lieAlike(kind: MeasuredKind, some: readonly Coordinates[], others: readonly Coordinates[]): boolean {
  if (kind !== "ellipse" && kind !== "bidirectional") return areNear(some, others);
  return ORDERS.some((order) => areNear(order.map((at) => some[at] ?? []), others));
}

/** Whether a reader sees no difference between them. */
export function isSameMeasured(one: Measured, other: Measured | undefined): boolean {
  return (
    other !== undefined &&
    one.kind === other.kind &&
    one.label === other.label &&
    one.space?.frameOfReferenceUid === other.space?.frameOfReferenceUid &&
    // where it lies in the patient is all that a plane says
    (one.space !== undefined || (one.sopInstanceUid === other.sopInstanceUid && one.frameNumber === other.frameNumber)) &&
    lieAlike(one.kind, one.space?.points ?? one.points, other.space?.points ?? other.points)
  );
}

/** What a key object selection names: `SOP Instance UID#frame`, with `*` for every frame. */
export function markedImagesOf(dataset: Dataset): string[] {
  return items(dataset, Tag.ContentSequence)
    .filter((item) => text(item, Tag.ValueType) === "IMAGE")
    .flatMap((item) => items(item, SR.ReferencedSOPSequence))
    .flatMap((reference) => {
      const uid = text(reference, SR.ReferencedSOPInstanceUID);
      const frames = numbers(reference, SR.ReferencedFrameNumber);
      return frames.length > 0 ? frames.map((frame) => `${uid}#${frame}`) : [`${uid}#*`];
    });
}
