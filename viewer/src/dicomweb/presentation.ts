/** Softcopy presentation states (PS3.3 A.33.1 to A.33.3): how images were displayed, as values. */

import type { Frame } from "@/dicomweb/frames";
import { items, number, numbers, Tag, text, type Dataset } from "@/dicomweb/json";
import type { Window } from "@/tools/presets";

const PR = {
  CreationDate: "00700082",
  CreationTime: "00700083",
  CreatorName: "00700084",
  ContentLabel: "00700080",
  ContentDescription: "00700081",
  ReferencedSeriesSequence: "00081115",
  ReferencedImageSequence: "00081140",
  ReferencedSOPInstanceUID: "00081155",
  ReferencedFrameNumber: "00081160",
  SoftcopyVOILUTSequence: "00283110",
  VOILUTSequence: "00283010",
  ModalityLUTSequence: "00283000",
  PresentationLUTShape: "20500020",
  PresentationLUTSequence: "20500010",
  DisplayedAreaSelectionSequence: "0070005A",
  TopLeft: "00700052",
  BottomRight: "00700053",
  ImageRotation: "00700042",
  ImageHorizontalFlip: "00700041",
  GraphicAnnotationSequence: "00700001",
  GraphicObjectSequence: "00700009",
  TextObjectSequence: "00700008",
  GraphicAnnotationUnits: "00700005",
  GraphicData: "00700022",
  GraphicType: "00700023",
  GraphicFilled: "00700024",
  UnformattedTextValue: "00700006",
  AnchorPoint: "00700014",
  AnchorPointUnits: "00700004",
  BoundingBoxUnits: "00700003",
  BoundingBoxTopLeft: "00700010",
  ShutterShape: "00181600",
  ShutterLeft: "00181602",
  ShutterRight: "00181604",
  ShutterUpper: "00181606",
  ShutterLower: "00181608",
  ShutterCenter: "00181610",
  ShutterRadius: "00181612",
  ShutterVertices: "00181620",
} as const;

const STATES = "1.2.840.10008.5.1.4.1.1.11.";

/** In pixels: the corner of the first is (0, 0). */
export interface Area {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** What a stack viewport can be told of a state, for one image. */
export interface Display {
  readonly window: Window | undefined;
  /** Whether black and white are turned round against the image's own; undefined where the state does not say. */
  readonly inverted: boolean | undefined;
  /** Clockwise, in degrees; mirrored after that. */
  readonly rotation: number;
  readonly flipped: boolean;
  readonly area: Area | undefined;
}

type Pair = readonly [number, number];

/** A figure or a text; `display` points are fractions of the displayed area, others pixels of the image. */
export interface Mark {
  readonly type: string;
  readonly points: readonly Pair[];
  readonly display: boolean;
  readonly filled: boolean;
  readonly text: string;
}

export function isPresentation(dataset: Dataset): boolean {
  return text(dataset, Tag.SOPClassUID).startsWith(STATES);
}

/** A name to choose it by: its label, description, creator and moment. */
export function presentationTitle(state: Dataset): { readonly label: string; readonly by: string; readonly date: string; readonly time: string } {
  const label = text(state, PR.ContentDescription) || text(state, PR.ContentLabel);
  return { label, by: text(state, PR.CreatorName), date: text(state, PR.CreationDate), time: text(state, PR.CreationTime) };
}

function names(item: Dataset, { sopInstanceUid, frameNumber }: Frame): boolean {
  const references = items(item, PR.ReferencedImageSequence);
  return references.length === 0 || references.some((one) => isMeant(one, sopInstanceUid, frameNumber));
}

function isMeant(reference: Dataset, uid: string, frameNumber: number): boolean {
  const frames = numbers(reference, PR.ReferencedFrameNumber);
  return text(reference, PR.ReferencedSOPInstanceUID) === uid && (frames.length === 0 || frames.includes(frameNumber));
}

/** Whether the state is about this image. */
export function isAbout(state: Dataset, frame: Frame): boolean {
  return items(state, PR.ReferencedSeriesSequence).some(
    (series) =>
      text(series, Tag.SeriesInstanceUID) === frame.seriesInstanceUid &&
      items(series, PR.ReferencedImageSequence).some((one) => isMeant(one, frame.sopInstanceUid, frame.frameNumber)),
  );
}

/** The series that the state is about. */
export function seriesOf(state: Dataset): string[] {
  return items(state, PR.ReferencedSeriesSequence).map((series) => text(series, Tag.SeriesInstanceUID));
}

/** Whether it has tables, which the viewport does not apply: then only the node's picture is the whole of it. */
export function hasTables(state: Dataset): boolean {
  const voi = items(state, PR.SoftcopyVOILUTSequence).some((item) => PR.VOILUTSequence in item);
  return voi || PR.ModalityLUTSequence in state || PR.PresentationLUTSequence in state;
}

export function displayOf(state: Dataset, frame: Frame): Display {
  const about = (sequence: string): Dataset | undefined => items(state, sequence).find((item) => names(item, frame));
  const voi = about(PR.SoftcopyVOILUTSequence);
  const [center, width] = [voi && number(voi, Tag.WindowCenter), voi && number(voi, Tag.WindowWidth)];
  const shape = text(state, PR.PresentationLUTShape);
  const negative = text(frame.dataset, Tag.PhotometricInterpretation) === "MONOCHROME1";
  return {
    window: center !== undefined && width !== undefined ? { center, width } : undefined,
    inverted: shape === "" ? undefined : (shape === "INVERSE") !== negative,
    rotation: number(state, PR.ImageRotation) ?? 0,
    flipped: text(state, PR.ImageHorizontalFlip) === "Y",
    area: areaOf(about(PR.DisplayedAreaSelectionSequence)),
  };
}

function areaOf(item: Dataset | undefined): Area | undefined {
  const [a, b] = item ? numbers(item, PR.TopLeft) : [];
  const [c, d] = item ? numbers(item, PR.BottomRight) : [];
  if (a === undefined || b === undefined || c === undefined || d === undefined) return undefined;
  return { left: Math.min(a, c) - 1, top: Math.min(b, d) - 1, right: Math.max(a, c), bottom: Math.max(b, d) };
}

function pairs(flat: readonly number[]): Pair[] {
  return Array.from({ length: Math.floor(flat.length / 2) }, (_, index) => [flat[2 * index] ?? 0, flat[2 * index + 1] ?? 0]);
}

function figureMark(figure: Dataset): Mark {
  return {
    type: text(figure, PR.GraphicType),
    points: pairs(numbers(figure, PR.GraphicData)),
    display: text(figure, PR.GraphicAnnotationUnits) === "DISPLAY",
    filled: text(figure, PR.GraphicFilled) === "Y",
    text: "",
  };
}

function textMark(words: Dataset): Mark {
  const anchored = PR.AnchorPoint in words;
  return {
    type: "TEXT",
    points: pairs(numbers(words, anchored ? PR.AnchorPoint : PR.BoundingBoxTopLeft)),
    display: text(words, anchored ? PR.AnchorPointUnits : PR.BoundingBoxUnits) === "DISPLAY",
    filled: false,
    text: text(words, PR.UnformattedTextValue),
  };
}

/** The figures and texts on this image. */
export function marksOf(state: Dataset, frame: Frame): Mark[] {
  const found: Mark[] = [];
  for (const item of items(state, PR.GraphicAnnotationSequence)) {
    if (!names(item, frame)) continue;
    found.push(...items(item, PR.GraphicObjectSequence).map(figureMark), ...items(item, PR.TextObjectSequence).map(textMark));
  }
  return found;
}

/** A shutter as its outline in pixels of the image; what lies beyond is covered. */
export type Shutter = { readonly points: readonly Pair[] } | { readonly center: Pair; readonly radius: number };

export function shuttersOf(state: Dataset): Shutter[] {
  const shapes = new Set((state[PR.ShutterShape]?.Value ?? []).map(String));
  const found: Shutter[] = [];
  const edge = (tag: string): number => number(state, tag) ?? NaN;
  if (shapes.has("RECTANGULAR")) {
    const [left, right] = [edge(PR.ShutterLeft), edge(PR.ShutterRight)];
    const [upper, lower] = [edge(PR.ShutterUpper), edge(PR.ShutterLower)];
    if ([left, right, upper, lower].every(Number.isFinite)) {
      found.push({ points: [[left, upper - 1], [right - 1, upper - 1], [right - 1, lower - 1], [left, lower - 1]] }); // prettier-ignore
    }
  }
  const [row, column] = numbers(state, PR.ShutterCenter);
  const radius = number(state, PR.ShutterRadius);
  if (shapes.has("CIRCULAR") && row !== undefined && column !== undefined && radius !== undefined) {
    found.push({ center: [column - 0.5, row - 0.5], radius });
  }
  if (shapes.has("POLYGONAL")) {
    found.push({ points: pairs(numbers(state, PR.ShutterVertices)).map(([r, c]) => [c - 0.5, r - 0.5] as const) });
  }
  return found;
}
