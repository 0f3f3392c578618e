/** Softcopy presentation states (PS3.3 A.33.1 to A.33.5): how images were displayed, as values. */

import { fromLab } from "@/dicomweb/colour";
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
  ShutterShape: "00181600",
  ShutterLeft: "00181602",
  ShutterRight: "00181604",
  ShutterUpper: "00181606",
  ShutterLower: "00181608",
  ShutterCenter: "00181610",
  ShutterRadius: "00181612",
  ShutterVertices: "00181620",
  ShutterPresentationValue: "00181622",
  ShutterPresentationColour: "00181624",
  ShutterOverlayGroup: "00181623",
  FrameDisplayShutterSequence: "00189472",
  VOILUTFunction: "00281056",
  RescaleIntercept: "00281052",
  RescaleSlope: "00281053",
  PixelIntensityRelationshipLUTSequence: "00289422",
  RedPaletteDescriptor: "00281101",
  BlendingSequence: "00700402",
  BlendingPosition: "00700405",
} as const;

const STATES = "1.2.840.10008.5.1.4.1.1.11.";
/** Grayscale, colour, pseudo-colour, blending, XA/XRF: what the viewer, or the node for it, shows. */
const SHOWN = new Set([1, 2, 3, 4, 5].map((number) => `${STATES}${number}`));

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

export function isPresentation(dataset: Dataset): boolean {
  return text(dataset, Tag.SOPClassUID).startsWith(STATES);
}

/** A name to choose it by: its label, description, creator and moment. */
export function presentationTitle(state: Dataset): { readonly label: string; readonly by: string; readonly date: string; readonly time: string } {
  const label = text(state, PR.ContentDescription) || text(state, PR.ContentLabel);
  return { label, by: text(state, PR.CreatorName), date: text(state, PR.CreationDate), time: text(state, PR.CreationTime) };
}

/** Whether it is one that anybody here shows; others are of volumes, or of pipelines. */
export function isShownHere(state: Dataset): boolean {
  return SHOWN.has(text(state, Tag.SOPClassUID));
}

/** Whether an item of a state is about this image: one that names none is about all. */
export function areItemsAbout(item: Dataset, { sopInstanceUid, frameNumber }: Frame): boolean {
  const references = items(item, PR.ReferencedImageSequence);
  return references.length === 0 || references.some((one) => isMeant(one, sopInstanceUid, frameNumber));
}

function isMeant(reference: Dataset, uid: string, frameNumber: number): boolean {
  const frames = numbers(reference, PR.ReferencedFrameNumber);
  return text(reference, PR.ReferencedSOPInstanceUID) === uid && (frames.length === 0 || frames.includes(frameNumber));
}

/** What a blending state lays over what (C.11.14): the item of the one or of the other. */
export function blendingItem(state: Dataset, position: "UNDERLYING" | "SUPERIMPOSED"): Dataset | undefined {
  return items(state, PR.BlendingSequence).find((item) => text(item, PR.BlendingPosition) === position);
}

export function isBlending(state: Dataset): boolean {
  return PR.BlendingSequence in state;
}

/** Where the state says what it is about: at its top, of blended images in the item of those beneath. */
function subject(state: Dataset): Dataset {
  return isBlending(state) ? (blendingItem(state, "UNDERLYING") ?? {}) : state;
}

/** The images that a state, or an item of it, names; a frame of 0 stands for all of them. */
export function referencesOf(dataset: Dataset): { readonly series: string; readonly uid: string; readonly frame: number }[] {
  return items(dataset, PR.ReferencedSeriesSequence).flatMap((series) =>
    items(series, PR.ReferencedImageSequence).flatMap((image) => {
      const frames = numbers(image, PR.ReferencedFrameNumber);
      const [named, uid] = [text(series, Tag.SeriesInstanceUID), text(image, PR.ReferencedSOPInstanceUID)];
      return (frames.length > 0 ? frames : [0]).map((frame) => ({ series: named, uid, frame }));
    }),
  );
}

/** The images that the state is shown on, in its order. */
export function imagesOf(state: Dataset): ReturnType<typeof referencesOf> {
  return referencesOf(subject(state));
}

/** Whether the state is about this image. */
export function isAbout(state: Dataset, frame: Frame): boolean {
  return items(subject(state), PR.ReferencedSeriesSequence).some(
    (series) =>
      text(series, Tag.SeriesInstanceUID) === frame.seriesInstanceUid &&
      items(series, PR.ReferencedImageSequence).some((one) => isMeant(one, frame.sopInstanceUid, frame.frameNumber)),
  );
}

/** The series that the state is about. */
export function seriesOf(state: Dataset): string[] {
  return items(subject(state), PR.ReferencedSeriesSequence).map((series) => text(series, Tag.SeriesInstanceUID));
}

/** Whether it has what the viewport does not apply: tables, a palette, a curved window. Then the node makes the picture. */
export function needsNodesPicture(state: Dataset, { dataset }: Frame): boolean {
  const own = subject(state);
  const windows = items(own, PR.SoftcopyVOILUTSequence);
  return (
    windows.some((item) => PR.VOILUTSequence in item || text(item, PR.VOILUTFunction) === "SIGMOID") ||
    [PR.ModalityLUTSequence, PR.PixelIntensityRelationshipLUTSequence].some((tag) => tag in own) ||
    PR.PresentationLUTSequence in state ||
    (PR.RedPaletteDescriptor in state && !isBlending(state)) ||
    (PR.ModalityLUTSequence in dataset && windows.length > 0) // whose values the image has not
  );
}

/** Modality values as a state has them from those of the image: times `slope`, plus `intercept`. */
export interface Rescaling {
  readonly slope: number;
  readonly intercept: number;
}

function rescalingIn(dataset: Dataset): Rescaling {
  return { slope: number(dataset, PR.RescaleSlope) || 1, intercept: number(dataset, PR.RescaleIntercept) ?? 0 };
}

/** The state's word counts: one without a rescaling means stored values. */
export function rescalingOf(state: Dataset, { dataset }: Frame): Rescaling {
  const [own, wanted] = [rescalingIn(dataset), rescalingIn(subject(state))];
  const slope = wanted.slope / own.slope;
  return { slope, intercept: wanted.intercept - own.intercept * slope };
}

/** Centre and width of a window as LINEAR has them (C.11.2.1.2), whatever the function that it is told by. */
function plain(voi: Dataset): Window | undefined {
  const [center, width] = [number(voi, Tag.WindowCenter), number(voi, Tag.WindowWidth)];
  if (center === undefined || width === undefined) return undefined;
  return text(voi, PR.VOILUTFunction) === "LINEAR_EXACT" ? { center: center + 0.5, width: width + 1 } : { center, width };
}

/** The window of one of the state's values in values of the image. */
function inImage({ center, width }: Window, { slope, intercept }: Rescaling): Window {
  if (slope === 1 && intercept === 0) return { center, width };
  const ends = [center - width / 2, center + width / 2 - 1].map((value) => (value - intercept) / slope); // C.11.2.1.2.1
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  return { center: (low + high + 1) / 2, width: high - low + 1 };
}

/** Every value that the stored bits may have: what is meant where a state says no window (PS3.4 N.2). */
function wholeRange({ dataset }: Frame): Window | undefined {
  const bits = number(dataset, Tag.BitsStored);
  if (bits === undefined || !text(dataset, Tag.PhotometricInterpretation).startsWith("MONOCHROME")) return undefined;
  const low = number(dataset, Tag.PixelRepresentation) === 1 ? -(2 ** (bits - 1)) : 0;
  const { slope, intercept } = rescalingIn(dataset);
  const ends = [low, low + 2 ** bits - 1].map((value) => value * slope + intercept);
  const [lower, upper] = [Math.min(...ends), Math.max(...ends)];
  return { center: (lower + upper + 1) / 2, width: upper - lower + 1 };
}

/** The window of an item of a state, or of the whole of it, for this image, in values of the image. */
export function windowOf(own: Dataset, frame: Frame, subtracted = false): Window | undefined {
  const voi = items(own, PR.SoftcopyVOILUTSequence).find((item) => areItemsAbout(item, frame));
  const said = voi && plain(voi);
  if (subtracted) return said; // a difference is made of the state's values
  return said ? inImage(said, rescalingOf(own, frame)) : wholeRange(frame);
}

/** `subtracted`: of a difference, which has the state's values and, without a window, the one that it is opened with. */
export function displayOf(state: Dataset, frame: Frame, subtracted = false): Display {
  const shape = text(state, PR.PresentationLUTShape);
  const negative = text(frame.dataset, Tag.PhotometricInterpretation) === "MONOCHROME1";
  return {
    window: windowOf(subject(state), frame, subtracted),
    inverted: shape === "" ? undefined : (shape === "INVERSE") !== negative,
    rotation: number(state, PR.ImageRotation) ?? 0,
    flipped: text(state, PR.ImageHorizontalFlip) === "Y",
    area: areaOf(items(state, PR.DisplayedAreaSelectionSequence).find((item) => areItemsAbout(item, frame))),
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

/** A shutter as its outline in pixels of the image; what lies beyond is covered. */
export type Shutter = { readonly points: readonly Pair[] } | { readonly center: Pair; readonly radius: number };

/** What covers this image: of its frame where the state tells frames apart, else of the whole state; without a state its own. */
export function shuttersOf(state: Dataset | undefined, frame: Frame): Shutter[] {
  if (!state) return shuttersIn(frame.dataset);
  return shuttersIn(shuttering(state, frame));
}

function shuttering(state: Dataset, frame: Frame): Dataset {
  const own = items(state, PR.FrameDisplayShutterSequence).find((item) => areItemsAbout(item, frame));
  return own && PR.ShutterShape in own ? own : state;
}

/** The group of the overlay plane of the state, or of the image, that covers it where its bits are set; "": none (PS3.3 C.7.6.15). */
export function shutterGroupOf(state: Dataset): string {
  const group = number(state, PR.ShutterOverlayGroup);
  return group === undefined ? "" : group.toString(16).toUpperCase().padStart(4, "0");
}

/** The colour of what covers, as CSS writes it: black where nothing is said. */
export function shadeOf(state: Dataset | undefined, frame: Frame): string {
  const dataset = state ? shuttering(state, frame) : frame.dataset;
  const [l, a, b] = numbers(dataset, PR.ShutterPresentationColour);
  if (l !== undefined && a !== undefined && b !== undefined) return `rgb(${fromLab((l * 100) / 65535, (a * 255) / 65535 - 128, (b * 255) / 65535 - 128).join(" ")})`;
  const grey = Math.round(((number(dataset, PR.ShutterPresentationValue) ?? 0) / 65535) * 255);
  return `rgb(${grey} ${grey} ${grey})`;
}

/** Those that a data set itself describes; what every one of its shapes leaves open is seen, edges too. */
function shuttersIn(state: Dataset): Shutter[] {
  const shapes = new Set((state[PR.ShutterShape]?.Value ?? []).map(String));
  const found: Shutter[] = [];
  const edge = (tag: string): number => number(state, tag) ?? NaN;
  if (shapes.has("RECTANGULAR")) {
    const [left, right] = [edge(PR.ShutterLeft), edge(PR.ShutterRight)];
    const [upper, lower] = [edge(PR.ShutterUpper), edge(PR.ShutterLower)];
    if ([left, right, upper, lower].every(Number.isFinite)) {
      found.push({ points: [[left - 1, upper - 1], [right, upper - 1], [right, lower], [left - 1, lower]] }); // prettier-ignore
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
