/** Marks on a canvas over a viewport: insides in their opacity, outlines whole. */

import type { Rgb } from "@/dicomweb/colour";
import type { Marks, MarkedPart } from "@/model/marks";
import { slicesFor, weightsOf, type Weights } from "@/model/masks";
import { shapesOf, type Shape } from "@/model/outlines";
import type { Screen } from "@/model/screen";
import type { ImagePlace } from "@/ui/marks/place";

const HALF = 128;
const LINE_PX = 1.5;
const CROSS_PX = 6;

export interface Scene {
  readonly screen: Screen;
  /** The image on the screen, where there is one. */
  readonly image?: ImagePlace;
  /** Of what is on the screen, mm. */
  readonly thickness: number;
}

/** Draw every part that is shown; `canvas` is as large as the screen, its pixels as fine as the device's. */
export function paint(canvas: HTMLCanvasElement, all: readonly Marks[], { screen, image, thickness }: Scene): number {
  const context = canvas.getContext("2d");
  if (!context) return 0;
  const ratio = canvas.width / screen.width;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.imageSmoothingEnabled = false;
  let drawn = 0;
  for (const marks of all) {
    for (const part of marks.parts) {
      if (!part.shown.peek()) continue;
      drawn += part.structure
        ? drawShapes(context, part, shapesOf(part.structure, screen, thickness), marks.opacity.peek())
        : drawSegment(context, marks, part, screen, image);
    }
  }
  return drawn;
}

function drawSegment(context: CanvasRenderingContext2D, marks: Marks, part: MarkedPart, screen: Screen, image: ImagePlace | undefined): number {
  const { segmentation } = marks;
  if (!segmentation) return 0;
  const slices = slicesFor(segmentation, part.number, (frame) => marks.cellsOf(frame), image);
  const weights = weightsOf(segmentation, part.number, slices, screen);
  if (!weights) return 0;
  const picture = new OffscreenCanvas(screen.width, screen.height);
  picture.getContext("2d")?.putImageData(tinted(weights, screen.width, part.colour, marks.opacity.peek()), 0, 0);
  context.drawImage(picture, 0, 0, screen.width, screen.height);
  return 1;
}

/** The weights in a colour; where more than half of a pixel is inside and a neighbour is not, the outline. */
export function tinted(weights: Weights, width: number, [r, g, b]: Rgb, opacity: number): ImageData {
  const height = weights.length / width;
  const picture = new ImageData(width, height);
  const { data } = picture;
  const outside = (x: number, y: number): boolean =>
    x >= 0 && y >= 0 && x < width && y < height && (weights[y * width + x] ?? 0) < HALF;
  for (let index = 0; index < weights.length; index += 1) {
    const weight = weights[index] ?? 0;
    if (weight === 0) continue;
    const [x, y] = [index % width, Math.trunc(index / width)];
    const edge = weight >= HALF && (outside(x - 1, y) || outside(x + 1, y) || outside(x, y - 1) || outside(x, y + 1));
    data.set([r, g, b, edge ? 255 : Math.round(weight * opacity)], 4 * index);
  }
  return picture;
}

function drawShapes(context: CanvasRenderingContext2D, { colour: [r, g, b] }: MarkedPart, shapes: readonly Shape[], opacity: number): number {
  const [inside, line] = [new Path2D(), new Path2D()];
  for (const { type, points } of shapes) {
    if (type === "point") for (const [x, y] of points) cross(line, x, y);
    else outline(type === "cut" ? [inside] : type === "open" ? [line] : [inside, line], points, type !== "open");
  }
  context.fillStyle = `rgb(${r} ${g} ${b} / ${opacity})`;
  context.fill(inside, "evenodd"); // an outline within another is a hole
  context.strokeStyle = `rgb(${r} ${g} ${b})`;
  context.lineWidth = LINE_PX;
  context.stroke(line);
  return shapes.length > 0 ? 1 : 0;
}

function outline(paths: readonly Path2D[], points: Shape["points"], closed: boolean): void {
  for (const path of paths) {
    const [first, ...others] = points;
    if (first) path.moveTo(first[0], first[1]);
    for (const [x, y] of others) path.lineTo(x, y);
    if (closed) path.closePath();
  }
}

function cross(path: Path2D, x: number, y: number): void {
  path.moveTo(x - CROSS_PX, y);
  path.lineTo(x + CROSS_PX, y);
  path.moveTo(x, y - CROSS_PX);
  path.lineTo(x, y + CROSS_PX);
}
