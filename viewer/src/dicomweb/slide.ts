/** Whole slide images (PS3.3 A.32.8, C.8.12.4, C.7.6.17.3): the levels of a pyramid and where their tiles lie. */

import { items, number, numbers, Tag, text, texts, type Dataset } from "@/dicomweb/json";

const CONCATENATION_FRAME_OFFSET_NUMBER = "00209228";
const CONCATENATION_UID = "00209161";
const DIMENSION_ORGANIZATION_TYPE = "00209311";
const IMAGED_VOLUME_WIDTH = "00480001";
const IMAGED_VOLUME_HEIGHT = "00480002";
const TOTAL_PIXEL_MATRIX_COLUMNS = "00480006";
const TOTAL_PIXEL_MATRIX_ROWS = "00480007";
const OPTICAL_PATH_SEQUENCE = "00480105";
const OPTICAL_PATH_IDENTIFIER = "00480106";
const OPTICAL_PATH_DESCRIPTION = "00480107";
const OPTICAL_PATH_IDENTIFICATION_SEQUENCE = "00480207";
const PLANE_POSITION_SLIDE_SEQUENCE = "0048021A";
const COLUMN_POSITION = "0048021E";
const ROW_POSITION = "0048021F";
const TOTAL_PIXEL_MATRIX_FOCAL_PLANES = "00480303";
const Z_OFFSET = "0040074A";
const PIXEL_MEASURES_SEQUENCE = "00289110";
const PYRAMID_UID = "00080019";

const NOT_THE_SLIDE = new Set(["LABEL", "OVERVIEW"]);
const SAME_SHAPE = 0.05; // of the ratio of sides: what dividing by powers of two rounds off

/** One tile: a frame of an object, and where it lies in its level, pixels. */
export interface Tile {
  readonly sopInstanceUid: string;
  readonly frameNumber: number;
  readonly x: number;
  readonly y: number;
}

export interface Level {
  /** Of all tiles together, pixels. */
  readonly width: number;
  readonly height: number;
  readonly tileWidth: number;
  readonly tileHeight: number;
  readonly objects: readonly Dataset[];
  /** The tiles of one focal plane and optical path that touch an area, pixels of this level. */
  tilesIn(left: number, top: number, right: number, bottom: number, plane: number, path: number): Tile[];
}

export interface Slide {
  /** The finest first. */
  readonly levels: readonly Level[];
  /** Between the pixels of the finest level, mm; undefined when the object does not say. */
  readonly spacing: number | undefined;
  readonly planes: number;
  readonly paths: readonly string[];
  /** Pictures of the label and of the whole glass. */
  readonly aside: readonly Dataset[];
}

/** Whether it is one large image in tiles. */
export function isSlide(dataset: Dataset): boolean {
  return (number(dataset, TOTAL_PIXEL_MATRIX_COLUMNS) ?? 0) > 0 && (number(dataset, TOTAL_PIXEL_MATRIX_ROWS) ?? 0) > 0 && Tag.PixelData in dataset;
}

function flavour(dataset: Dataset): string {
  return texts(dataset, Tag.ImageType)[2] ?? "";
}

/** The slides of a series: objects of another size and the same shape are levels of one. */
export function slidesOf(datasets: readonly Dataset[]): Slide[] {
  const aside = datasets.filter((dataset) => NOT_THE_SLIDE.has(flavour(dataset)));
  const tiled = datasets.filter((dataset) => !NOT_THE_SLIDE.has(flavour(dataset))).toSorted((a, b) => widthOf(b) - widthOf(a));
  const groups: Dataset[][][] = [];
  for (const dataset of tiled) {
    const slide = groups.find((levels) => levels.every(([level]) => level && belong(level, dataset)));
    const level = slide?.find(([first]) => first && isSameConcatenation(first, dataset));
    if (level) level.push(dataset);
    else if (slide) slide.push([dataset]);
    else groups.push([[dataset]]);
  }
  if (groups.length === 0 && aside.length > 0) return slidesOf(aside.map((dataset) => ({ ...dataset, [Tag.ImageType]: { vr: "CS" } })));
  return groups.map((levels) => slideOf(levels, aside));
}

function widthOf(dataset: Dataset): number {
  return number(dataset, TOTAL_PIXEL_MATRIX_COLUMNS) ?? 0;
}

function heightOf(dataset: Dataset): number {
  return number(dataset, TOTAL_PIXEL_MATRIX_ROWS) ?? 0;
}

function isSameConcatenation(one: Dataset, other: Dataset): boolean {
  const uid = text(one, CONCATENATION_UID);
  return uid !== "" && uid === text(other, CONCATENATION_UID);
}

function belong(level: Dataset, other: Dataset): boolean {
  if (isSameConcatenation(level, other)) return true;
  const shape = (dataset: Dataset): number => widthOf(dataset) / heightOf(dataset);
  const alike = Math.abs(shape(level) / shape(other) - 1) < SAME_SHAPE;
  return alike && widthOf(level) !== widthOf(other) && text(level, PYRAMID_UID) === text(other, PYRAMID_UID);
}

function slideOf(levels: readonly (readonly Dataset[])[], aside: readonly Dataset[]): Slide {
  const finest = levels[0]?.[0] ?? {};
  const planes = planesOf(finest);
  const paths = pathsOf(finest);
  return {
    levels: levels.map((objects) => levelOf(objects)),
    spacing: spacingOf(finest),
    planes: planes.length,
    paths: paths.map(({ name }) => name),
    aside,
  };
}

function spacingOf(dataset: Dataset): number | undefined {
  const [shared] = items(dataset, Tag.SharedFunctionalGroupsSequence);
  const [measures] = shared ? items(shared, PIXEL_MEASURES_SEQUENCE) : [];
  const told = measures && numbers(measures, Tag.PixelSpacing)[1];
  if (told) return told;
  const [wide, high] = [number(dataset, IMAGED_VOLUME_WIDTH), number(dataset, IMAGED_VOLUME_HEIGHT)];
  return wide ? wide / widthOf(dataset) : high ? high / heightOf(dataset) : undefined;
}

interface Path {
  readonly identifier: string;
  readonly name: string;
}

function pathsOf(dataset: Dataset): Path[] {
  const told = items(dataset, OPTICAL_PATH_SEQUENCE).map((path) => {
    const identifier = text(path, OPTICAL_PATH_IDENTIFIER);
    return { identifier, name: text(path, OPTICAL_PATH_DESCRIPTION) || identifier };
  });
  return told.length > 0 ? told : [{ identifier: "", name: "" }];
}

function isFull(dataset: Dataset): boolean {
  return text(dataset, DIMENSION_ORGANIZATION_TYPE) === "TILED_FULL";
}

/** The heights of the focal planes, lowest first; one where nothing is said. */
function planesOf(dataset: Dataset): number[] {
  if (isFull(dataset)) return Array.from({ length: Math.max(1, number(dataset, TOTAL_PIXEL_MATRIX_FOCAL_PLANES) ?? 1) }, (_, index) => index);
  const heights = items(dataset, Tag.PerFrameFunctionalGroupsSequence).map((groups) => placeOf(groups).height);
  const all = [...new Set(heights)].toSorted((a, b) => a - b);
  return all.length > 0 ? all : [0];
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly height: number;
  readonly path: string;
}

function placeOf(groups: Dataset): Place {
  const [position] = items(groups, PLANE_POSITION_SLIDE_SEQUENCE);
  const [path] = items(groups, OPTICAL_PATH_IDENTIFICATION_SEQUENCE);
  return {
    x: ((position && number(position, COLUMN_POSITION)) ?? 1) - 1,
    y: ((position && number(position, ROW_POSITION)) ?? 1) - 1,
    height: (position && number(position, Z_OFFSET)) ?? 0,
    path: path ? text(path, OPTICAL_PATH_IDENTIFIER) : "",
  };
}

function levelOf(objects: readonly Dataset[]): Level {
  const first = objects[0] ?? {};
  const [tileWidth, tileHeight] = [number(first, Tag.Columns) ?? 1, number(first, Tag.Rows) ?? 1];
  const size = { width: widthOf(first), height: heightOf(first), tileWidth, tileHeight, objects };
  return { ...size, tilesIn: isFull(first) ? fullTiles(size) : sparseTiles(size) };
}

type Size = Omit<Level, "tilesIn">;

/** Every tile is there, row by row, then plane by plane, then path by path. */
function fullTiles({ width, height, tileWidth, tileHeight, objects }: Size): Level["tilesIn"] {
  const [across, down] = [Math.ceil(width / tileWidth), Math.ceil(height / tileHeight)];
  const planes = planesOf(objects[0] ?? {}).length;
  const parts = objects.map((object) => ({
    uid: text(object, Tag.SOPInstanceUID),
    from: number(object, CONCATENATION_FRAME_OFFSET_NUMBER) ?? 0,
    count: Math.max(1, number(object, Tag.NumberOfFrames) ?? 1),
  }));
  return (left, top, right, bottom, plane, path) => {
    const found: Tile[] = [];
    const [fromColumn, toColumn] = [Math.max(0, Math.floor(left / tileWidth)), Math.min(across, Math.ceil(right / tileWidth))];
    const [fromRow, toRow] = [Math.max(0, Math.floor(top / tileHeight)), Math.min(down, Math.ceil(bottom / tileHeight))];
    for (let row = fromRow; row < toRow; row += 1) {
      for (let column = fromColumn; column < toColumn; column += 1) {
        const index = (path * planes + plane) * across * down + row * across + column;
        const part = parts.find(({ from, count }) => index >= from && index < from + count);
        if (part) found.push({ sopInstanceUid: part.uid, frameNumber: index - part.from + 1, x: column * tileWidth, y: row * tileHeight });
      }
    }
    return found;
  };
}

function cell(column: number, row: number, plane: number, path: number): string {
  return `${column},${row},${plane},${path}`;
}

/** Each frame says where it lies, and need not lie on a grid; those that are not there are empty glass. */
function sparseTiles({ tileWidth, tileHeight, objects }: Size): Level["tilesIn"] {
  const heights = planesOf(objects[0] ?? {});
  const paths = pathsOf(objects[0] ?? {}).map(({ identifier }) => identifier);
  const cells = new Map<string, Tile[]>();
  for (const object of objects) {
    const sopInstanceUid = text(object, Tag.SOPInstanceUID);
    const [shared] = items(object, Tag.SharedFunctionalGroupsSequence);
    const own = items(object, Tag.PerFrameFunctionalGroupsSequence);
    const count = Math.max(1, number(object, Tag.NumberOfFrames) ?? 1);
    for (let index = 0; index < count; index += 1) {
      const place = placeOf({ ...shared, ...own[index] });
      const [plane, path] = [Math.max(0, heights.indexOf(place.height)), Math.max(0, paths.indexOf(place.path))];
      const key = cell(Math.floor(place.x / tileWidth), Math.floor(place.y / tileHeight), plane, path);
      const known = cells.get(key);
      const tile = { sopInstanceUid, frameNumber: index + 1, x: place.x, y: place.y };
      if (known) known.push(tile);
      else cells.set(key, [tile]);
    }
  }
  return (left, top, right, bottom, plane, path) => {
    const found: Tile[] = [];
    for (let row = Math.floor(top / tileHeight) - 1; row * tileHeight < bottom; row += 1) {
      for (let column = Math.floor(left / tileWidth) - 1; column * tileWidth < right; column += 1) {
        found.push(...(cells.get(cell(column, row, plane, path)) ?? []));
      }
    }
    return found.filter(({ x, y }) => x < right && y < bottom && x + tileWidth > left && y + tileHeight > top);
  };
}
