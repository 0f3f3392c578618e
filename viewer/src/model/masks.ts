/** What a segment covers of a screen: every pixel of it taken from the segmentation where it lies in the patient. */

import type { Frame } from "@/dicomweb/frames";
import { dot, type Vector } from "@/dicomweb/geometry";
import type { Grid, Segmentation, SegmentationFrame } from "@/dicomweb/segmentation";
import { onScreen, plus, scaled, type Screen } from "@/model/screen";

/** The pixels of one frame as the node gives them; bits lie eight in a byte, the first the lowest. */
export type Cells = Uint8Array | Uint16Array;

/** From 0 (beside) to 255 (wholly within), CSS pixel by CSS pixel. */
export type Weights = Uint8Array;

interface Slice {
  readonly cells: Cells;
  readonly grid: Grid;
  /** Along the normal of all, mm. */
  readonly distance: number;
  /** Where its first pixel lies, in columns and rows from the origin of the patient's space. */
  readonly column0: number;
  readonly row0: number;
}

const FLAT = 1e-6; // of a mm a pixel: the screen does not leave the slice
const ROUNDED_MM = 1e-3;

/** Which frames of a segment are to be seen with an image, and where they lie with it. */
export function slicesFor(
  segmentation: Segmentation,
  segment: number,
  cellsOf: (frameNumber: number) => Cells | undefined,
  image?: { readonly frame: Frame; readonly grid: Grid; readonly placed: boolean; readonly columns: number; readonly rows: number },
): Slice[] {
  const slices: Slice[] = [];
  for (const one of segmentation.frames) {
    if (one.segment !== undefined && one.segment !== segment) continue;
    const cells = cellsOf(one.frame.frameNumber);
    const grid = one.grid && (!image || image.placed) ? one.grid : image && ofSource(segmentation, one, image);
    if (cells && grid) slices.push(sliceOf(cells, grid, slices[0]?.grid ?? grid));
  }
  return slices.toSorted((a, b) => a.distance - b.distance);
}

function sliceOf(cells: Cells, grid: Grid, { normal, row, column, columnSpacing, rowSpacing }: Grid): Slice {
  const { origin } = grid;
  return { cells, grid, distance: dot(origin, normal), column0: dot(origin, row) / columnSpacing, row0: dot(origin, column) / rowSpacing };
}

/** A frame without a place of its own lies on the image that it names, as large as that. */
function ofSource(
  { columns, rows }: Segmentation,
  { sources }: SegmentationFrame,
  image: { readonly frame: Frame; readonly grid: Grid; readonly columns: number; readonly rows: number },
): Grid | undefined {
  const { sopInstanceUid, frameNumber } = image.frame;
  if (!sources.includes(sopInstanceUid) && !sources.includes(`${sopInstanceUid}#${frameNumber}`)) return undefined;
  const [columnSpacing, rowSpacing] = [(image.grid.columnSpacing * image.columns) / columns, (image.grid.rowSpacing * image.rows) / rows];
  return { ...image.grid, columnSpacing, rowSpacing };
}

/** What of the screen the segment covers; undefined when nothing. */
export function weightsOf(segmentation: Segmentation, segment: number, slices: readonly Slice[], screen: Screen): Weights | undefined {
  const [first] = slices;
  if (!first) return undefined;
  const { normal, row, column, columnSpacing, rowSpacing } = first.grid;
  const { width, height, origin, right, down } = screen;
  const reach = segmentation.thickness / 2 + ROUNDED_MM;
  const start = dot(origin, normal);
  const [acrossX, acrossY] = [dot(right, normal), dot(down, normal)];
  const parallel = Math.abs(acrossX) < FLAT && Math.abs(acrossY) < FLAT;
  if (parallel && !nearest(slices, start, reach)) return undefined;
  const weight = weightReader(segmentation, segment);
  const found = new Uint8Array(width * height);
  // columns and rows of the segmentation are linear in those of the screen, but for where each slice begins
  const along = (direction: Vector, spacing: number): readonly [number, number, number] => [
    dot(origin, direction) / spacing,
    dot(right, direction) / spacing,
    dot(down, direction) / spacing,
  ];
  const [column0, columnX, columnY] = along(row, columnSpacing);
  const [row0, rowX, rowY] = along(column, rowSpacing);
  let any = false;
  let slice: Slice | undefined = parallel ? nearest(slices, start, reach) : undefined;
  const inside = parallel && slice ? covered(segmentation, slice, screen) : { left: 0, top: 0, right: width, bottom: height };
  for (let y = inside.top; y < inside.bottom; y += 1) {
    for (let x = inside.left; x < inside.right; x += 1) {
      const [cx, cy] = [x + 0.5, y + 0.5];
      if (!parallel) {
        const distance = start + acrossX * cx + acrossY * cy;
        if (!slice || Math.abs(slice.distance - distance) > ROUNDED_MM) slice = nearest(slices, distance, reach);
        if (!slice) continue;
      }
      if (!slice) continue;
      const i = Math.round(column0 + columnX * cx + columnY * cy - slice.column0);
      const j = Math.round(row0 + rowX * cx + rowY * cy - slice.row0);
      if (i < 0 || j < 0 || i >= segmentation.columns || j >= segmentation.rows) continue;
      const value = weight(slice.cells, j * segmentation.columns + i);
      if (value === 0) continue;
      found[y * width + x] = value;
      any = true;
    }
  }
  return any ? found : undefined;
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

const boxes = new WeakMap<Cells, Box>();

/** The columns and rows of a frame outside of which there is nothing. */
function boxOf(cells: Cells, { columns, rows, bits }: Segmentation): Box {
  const known = boxes.get(cells);
  if (known) return known;
  let [left, top, right, bottom] = [columns, rows, 0, 0];
  const filled = bits === 1 ? (index: number) => ((cells[index >> 3] ?? 0) >> (index & 7)) & 1 : (index: number) => cells[index] ?? 0;
  for (let j = 0; j < rows; j += 1) {
    for (let i = 0; i < columns; i += 1) {
      if (filled(j * columns + i) === 0) continue;
      [left, top, right, bottom] = [Math.min(left, i), Math.min(top, j), Math.max(right, i + 1), Math.max(bottom, j + 1)];
    }
  }
  const box = { left, top, right, bottom };
  boxes.set(cells, box);
  return box;
}

/** The part of the screen that what is in a slice can cover. */
function covered(segmentation: Segmentation, { cells, grid }: Slice, screen: Screen): Box {
  const { left, top, right, bottom } = boxOf(cells, segmentation);
  const corners = [left - 0.5, right - 0.5].flatMap((i) =>
    [top - 0.5, bottom - 0.5].map((j) =>
      onScreen(screen, plus(grid.origin, scaled(grid.row, i * grid.columnSpacing), scaled(grid.column, j * grid.rowSpacing))),
    ),
  );
  const range = (axis: 0 | 1, last: number): readonly [number, number] => {
    const values = corners.map((corner) => corner[axis]);
    return [Math.max(0, Math.floor(Math.min(...values)) - 1), Math.min(last, Math.ceil(Math.max(...values)) + 1)];
  };
  const [[x0, x1], [y0, y1]] = [range(0, screen.width), range(1, screen.height)];
  return { left: x0, right: x1, top: y0, bottom: y1 };
}

/** The slice nearest to a place along the normal, when it speaks for that place. */
function nearest(slices: readonly Slice[], distance: number, reach: number): Slice | undefined {
  let [low, high] = [0, slices.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((slices[middle]?.distance ?? 0) < distance) low = middle + 1;
    else high = middle;
  }
  const [above, below] = [slices[low], slices[low - 1]];
  const away = (slice: Slice | undefined): number => (slice ? Math.abs(slice.distance - distance) : Infinity);
  const best = away(below) < away(above) ? below : above;
  return away(best) <= reach ? best : undefined;
}

function weightReader({ type, top, bits }: Segmentation, segment: number): (cells: Cells, index: number) => number {
  if (type === "LABELMAP") return (cells, index) => (cells[index] === segment ? 255 : 0);
  if (bits === 1) return (cells, index) => (((cells[index >> 3] ?? 0) >> (index & 7)) & 1) * 255;
  return (cells, index) => Math.min(255, Math.round((255 * (cells[index] ?? 0)) / top));
}

/** The middle of the frames of a segment, mm; undefined where they have no place. */
export function middleOf({ frames, rows, columns }: Segmentation, segment: number): Vector | undefined {
  const own = frames.filter((one) => one.grid && (one.segment === undefined || one.segment === segment));
  const placed = own.toSorted((a, b) => place(a) - place(b));
  const grid = placed[placed.length >> 1]?.grid;
  if (!grid) return undefined;
  const { origin, row, column, columnSpacing, rowSpacing } = grid;
  return origin.map((value, axis) => {
    const [along, down] = [row[axis] ?? 0, column[axis] ?? 0];
    return value + (along * columnSpacing * (columns - 1) + down * rowSpacing * (rows - 1)) / 2;
  }) as unknown as Vector;
}

function place({ grid }: SegmentationFrame): number {
  return grid ? dot(grid.origin, grid.normal) : 0;
}
