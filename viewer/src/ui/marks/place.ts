/** Where the image of a stack lies, and which plane of the patient the viewport shows with it. */

import type { Frame } from "@/dicomweb/frames";
import { number, numbers, Tag, type Dataset } from "@/dicomweb/json";
import { vector, type Vector } from "@/dicomweb/geometry";
import { gridOf, type Grid } from "@/dicomweb/segmentation";
import { spacingOf } from "@/dicomweb/spacing";
import { plus, scaled, screenOf, type Screen } from "@/model/screen";
import type { ViewControls } from "@/viewport/contract";
import type { PlanePlace } from "@/viewport/volumeContract";

export interface ImagePlace {
  readonly frame: Frame;
  readonly grid: Grid;
  /** Whether it says itself where it lies. */
  readonly placed: boolean;
  readonly columns: number;
  readonly rows: number;
}

export function imagePlace(frame: Frame): ImagePlace {
  const { dataset } = frame;
  const own = gridOf(dataset);
  const [columns, rows] = [number(dataset, Tag.Columns) ?? 1, number(dataset, Tag.Rows) ?? 1];
  return { frame, grid: own ?? withoutPatient(dataset), placed: own !== undefined, columns, rows };
}

/** Where viewports put an image that says only half of it, or nothing (`viewport/metadata.ts: imagePlane`). */
function withoutPatient(dataset: Dataset): Grid {
  const { row, column } = spacingOf(dataset);
  const cosines = numbers(dataset, Tag.ImageOrientationPatient);
  return {
    origin: vector(numbers(dataset, Tag.ImagePositionPatient)) ?? [0, 0, 0],
    row: vector(cosines) ?? [1, 0, 0],
    column: vector(cosines, 3) ?? [0, 1, 0],
    normal: [0, 0, 1],
    columnSpacing: column,
    rowSpacing: row,
  };
}

const APART_MM = 100; // far enough for the places on the canvas to be exact

/** The screen of a stack that shows this image; undefined while it shows nothing. */
export function stackScreen({ grid }: ImagePlace, controls: ViewControls, size: readonly [number, number]): Screen | undefined {
  const { origin, row, column } = grid;
  const points = [origin, plus(origin, scaled(row, APART_MM)), plus(origin, scaled(column, APART_MM))] as const;
  const [start, along, down] = points.map((point) => controls.toCanvas?.(point));
  return start && along && down ? screenOf(origin, row, column, APART_MM, [start, along, down], size) : undefined;
}

/** The screen of a plane that was cut out of a volume. */
export function planeScreen({ centre, cosines, mmPerPixel }: PlanePlace, [width, height]: readonly [number, number]): Screen {
  const along = (from: number): Vector => {
    const [x = 0, y = 0, z = 0] = cosines.slice(from, from + 3);
    return scaled([x, y, z], mmPerPixel);
  };
  const [right, down] = [along(0), along(3)];
  return { origin: plus(centre, scaled(right, -width / 2), scaled(down, -height / 2)), right, down, width, height };
}
