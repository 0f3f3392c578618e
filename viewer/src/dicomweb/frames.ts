/** From the instances of a series to the images of a stack: which objects are images, their frames, their order. */

import type { FrameAddress } from "@/dicomweb/client";
import { isUid } from "@/dicomweb/client";
import { cross, dot, vector, type Vector } from "@/dicomweb/geometry";
import { items, number, numbers, Tag, text, texts, type Dataset } from "@/dicomweb/json";
import { isSegmentation } from "@/dicomweb/segmentation";
import { isSlide } from "@/dicomweb/slide";
import { learnAcquisitions } from "@/dicomweb/suv";

/** One image of the stack with its own flat data set: functional groups of multi-frame objects are resolved. */
export interface Frame extends FrameAddress {
  readonly dataset: Dataset;
  readonly instanceNumber: number | undefined;
  readonly numberOfFrames: number;
}

/** The objects of one series, sorted by what the viewer can do with them. */
export interface SeriesContent {
  /** In reading order. */
  readonly frames: readonly Frame[];
  /** Objects that are no stack of images: reports, documents, presentation states, waveforms, video. */
  readonly others: readonly Dataset[];
  /** Whole slides: of one with many tiles these are no frames of a stack. */
  readonly slides: readonly Dataset[];
  /** Of segmentations that lie among images: they are laid over these, and are no images of the stack. */
  readonly marked: readonly Frame[];
}

const TILES_IN_STACK_MAX = 512; // as many as anybody looks at one by one

// PS3.6 table A-1: pixel data of these is one video stream, without frames of its own.
const VIDEO_CLASSES = new Set([
  "1.2.840.10008.5.1.4.1.1.77.1.1.1",
  "1.2.840.10008.5.1.4.1.1.77.1.2.1",
  "1.2.840.10008.5.1.4.1.1.77.1.4.1",
]);
// PS3.3 C.7.6.1.1.5.1: how MPEG-2, H.264 and H.265 streams say that they are lossy.
const VIDEO_METHODS = new Set(["ISO_13818_1", "ISO_14496_10", "ISO_23008_2"]);

/** Whether the pixel data is a video stream: the metadata tells no transfer syntax, but how it was compressed. */
export function isVideo(dataset: Dataset): boolean {
  return (
    VIDEO_CLASSES.has(text(dataset, Tag.SOPClassUID)) ||
    text(dataset, Tag.PhotometricInterpretation) === "YBR_PARTIAL_420" ||
    texts(dataset, Tag.LossyImageCompressionMethod).some((method) => VIDEO_METHODS.has(method))
  );
}

export function isImage(dataset: Dataset): boolean {
  const hasPixels = [Tag.PixelData, Tag.FloatPixelData, Tag.DoubleFloatPixelData].some((tag) => tag in dataset);
  const rows = number(dataset, Tag.Rows) ?? 0;
  return hasPixels && rows > 0 && !isVideo(dataset);
}

/** Frames in reading order and the other objects of a series' metadata. */
export function seriesContent(
  studyInstanceUid: string,
  seriesInstanceUid: string,
  metadata: readonly Dataset[],
): SeriesContent {
  const frames: Frame[] = [];
  const marked: Frame[] = [];
  const others: Dataset[] = [];
  const slides: Dataset[] = [];
  for (const dataset of metadata) {
    if (!isUid(text(dataset, Tag.SOPInstanceUID))) continue;
    const slide = isSlide(dataset);
    if (slide) slides.push(dataset);
    if (slide && (number(dataset, Tag.NumberOfFrames) ?? 1) > TILES_IN_STACK_MAX) continue;
    if (isImage(dataset)) (isSegmentation(dataset) ? marked : frames).push(...framesOf(studyInstanceUid, seriesInstanceUid, dataset));
    else others.push(dataset);
  }
  learnAcquisitions(
    seriesInstanceUid,
    frames.map(({ dataset }) => dataset),
  );
  const isMixed = frames.length > 0 || slides.some((slide) => !isSegmentation(slide)); // those of slides are slides, too
  return { frames: readingOrder(isMixed ? frames : marked), others, slides, marked: isMixed ? marked : [] };
}

function framesOf(studyInstanceUid: string, seriesInstanceUid: string, dataset: Dataset): Frame[] {
  const numberOfFrames = Math.max(1, Math.trunc(number(dataset, Tag.NumberOfFrames) ?? 1));
  return Array.from({ length: numberOfFrames }, (_, index) => ({
    studyInstanceUid,
    seriesInstanceUid,
    sopInstanceUid: text(dataset, Tag.SOPInstanceUID),
    frameNumber: index + 1,
    dataset: flatDataset(dataset, index),
    instanceNumber: number(dataset, Tag.InstanceNumber),
    numberOfFrames,
  }));
}

const GROUPS = [Tag.SharedFunctionalGroupsSequence, Tag.PerFrameFunctionalGroupsSequence] as const;

/**
 * The attributes that hold for one frame, as if it were a single-frame image (PS3.3 C.7.6.16): the shared functional
 * groups, then the frame's own, laid over the instance's attributes.
 */
function flatDataset(dataset: Dataset, index: number): Dataset {
  const shared = items(dataset, Tag.SharedFunctionalGroupsSequence)[0];
  const own = items(dataset, Tag.PerFrameFunctionalGroupsSequence)[index];
  if (!shared && !own && !(Tag.NumberOfFrames in dataset)) return dataset;
  const flat: Record<string, Dataset[string]> = { ...dataset };
  for (const tag of GROUPS) delete flat[tag];
  delete flat[Tag.NumberOfFrames];
  for (const groups of [shared, own]) {
    for (const macro of Object.keys(groups ?? {})) Object.assign(flat, groups && items(groups, macro)[0]);
  }
  if (numbers(dataset, GRID_FRAME_OFFSET_VECTOR).length > 0) {
    flat[Tag.ImagePositionPatient] = { vr: "DS", Value: gridPosition(dataset, index) };
  }
  return flat;
}

const GRID_FRAME_OFFSET_VECTOR = "3004000C";
const SAME_POSITION_MM = 0.01;

/** Where a frame of a dose grid lies: offsets are along the grid's normal, or each frame's own z (PS3.3 C.8.8.3.2); [] for neither. */
function gridPosition(dataset: Dataset, index: number): readonly number[] {
  const offsets = numbers(dataset, GRID_FRAME_OFFSET_VECTOR);
  const [first = 0, own] = [offsets[0], offsets[index]];
  const orientation = numbers(dataset, Tag.ImageOrientationPatient);
  const [row, column] = [vector(orientation), vector(orientation, 3)];
  const position = vector(numbers(dataset, Tag.ImagePositionPatient));
  if (!row || !column || !position || own === undefined) return [];
  const normal = cross(row, column);
  const [x, y, z] = position;
  if (first === 0) return [x + own * normal[0], y + own * normal[1], z + own * normal[2]];
  return Math.abs(first - z) < SAME_POSITION_MM && Math.abs(normal[2]) > PARALLEL ? [x, y, own] : [];
}

const PARALLEL = 0.999; // cosine of 2.6°: what scanners round off, not another plane

/**
 * Along the slice normal when every frame has a place of its own on it, else by instance and frame number.
 *
 * The direction is the one in which instance numbers grow, so that the first image is the first the modality made.
 */
export function readingOrder(frames: readonly Frame[]): Frame[] {
  const numbered = frames.toSorted(byNumber);
  const distances = slicePositions(numbered);
  if (!distances) return numbered;
  const placed = numbered.map((frame, index) => ({ frame, distance: distances[index] ?? 0 }));
  const upwards = growsWithNumber(distances);
  placed.sort((a, b) => (upwards ? a.distance - b.distance : b.distance - a.distance));
  const apart = placed.every(({ distance }, index) => {
    const before = placed[index - 1];
    return !before || Math.abs(distance - before.distance) > SAME_POSITION_MM;
  });
  return apart ? placed.map(({ frame }) => frame) : numbered;
}

function byNumber(a: Frame, b: Frame): number {
  return (
    (a.instanceNumber ?? Infinity) - (b.instanceNumber ?? Infinity) ||
    compare(a.sopInstanceUid, b.sopInstanceUid) ||
    a.frameNumber - b.frameNumber
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Distances in mm along the common normal; undefined when there is none or a frame has no position. */
function slicePositions(frames: readonly Frame[]): number[] | undefined {
  let common: Vector | undefined;
  const distances: number[] = [];
  for (const { dataset } of frames) {
    const orientation = numbers(dataset, Tag.ImageOrientationPatient);
    const [row, column] = [vector(orientation), vector(orientation, 3)];
    const position = vector(numbers(dataset, Tag.ImagePositionPatient));
    if (!row || !column || !position) return undefined;
    const normal = cross(row, column);
    common ??= normal;
    if (dot(common, normal) < PARALLEL) return undefined;
    distances.push(dot(common, position));
  }
  return distances.length > 1 ? distances : undefined;
}

/** Whether positions rather grow than shrink from the first to the last number. */
function growsWithNumber(distances: readonly number[]): boolean {
  let balance = 0;
  for (let index = 1; index < distances.length; index += 1) {
    balance += Math.sign((distances[index] ?? 0) - (distances[index - 1] ?? 0));
  }
  return balance >= 0;
}

const OPPOSITE: Readonly<Record<string, string>> = { L: "R", R: "L", A: "P", P: "A", H: "F", F: "H" };
const LETTER_MIN = 0.2; // a smaller share of a direction is not worth a letter

/** Letters at the edges of the picture (PS3.3 C.7.6.1.1.1): where left, right, top and bottom look to in the patient. */
export interface OrientationLetters {
  readonly left: string;
  readonly right: string;
  readonly top: string;
  readonly bottom: string;
}

/**
 * The letters of an image on the screen; undefined when the object does not say how the patient lies in it. `turned`:
 * where right and down on the screen look to in the image, as columns and rows.
 */
export function orientationLetters(
  dataset: Dataset,
  turned: readonly [number, number, number, number] = [1, 0, 0, 1],
): OrientationLetters | undefined {
  const orientation = numbers(dataset, Tag.ImageOrientationPatient);
  const [row, column] = [vector(orientation), vector(orientation, 3)];
  if (!row || !column) return projectedLetters(dataset, turned);
  const mixed = (columns: number, rows: number): Vector => [
    row[0] * columns + column[0] * rows,
    row[1] * columns + column[1] * rows,
    row[2] * columns + column[2] * rows,
  ];
  const [right, bottom] = [letters(mixed(turned[0], turned[1])), letters(mixed(turned[2], turned[3]))];
  return { left: opposite(right), right, top: opposite(bottom), bottom };
}

const DIRECTIONS = /^[LRAPHF]{1,3}$/;

/** Of a projection: what the object says of its rows and columns (PS3.3 C.7.6.1.1.1), turned as the screen is. */
function projectedLetters(
  dataset: Dataset,
  turned: readonly [number, number, number, number],
): OrientationLetters | undefined {
  const [row = "", column = ""] = texts(dataset, Tag.PatientOrientation).map((value) => value.toUpperCase());
  if (!DIRECTIONS.test(row) || !DIRECTIONS.test(column)) return undefined;
  const mixed = (columns: number, rows: number): string =>
    ([[columns, row], [rows, column]] as [number, string][])
      .filter(([share]) => Math.abs(share) > LETTER_MIN)
      .toSorted(([a], [b]) => Math.abs(b) - Math.abs(a))
      .map(([share, said]) => (share > 0 ? said : opposite(said)))
      .join("");
  const [right, bottom] = [mixed(turned[0], turned[1]), mixed(turned[2], turned[3])];
  return { left: opposite(right), right, top: opposite(bottom), bottom };
}

function letters(direction: Vector): string {
  const [x, y, z] = direction;
  return (
    [
      [Math.abs(x), x > 0 ? "L" : "R"],
      [Math.abs(y), y > 0 ? "P" : "A"],
      [Math.abs(z), z > 0 ? "H" : "F"],
    ] as [number, string][]
  )
    .filter(([share]) => share > LETTER_MIN)
    .toSorted(([a], [b]) => b - a)
    .map(([, letter]) => letter)
    .join("");
}

function opposite(text_: string): string {
  return [...text_].map((letter) => OPPOSITE[letter] ?? letter).join("");
}
