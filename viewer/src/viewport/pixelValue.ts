/** The values under a point of the viewport. */

import { utilities, type Types } from "@cornerstonejs/core";

import type { PixelReading } from "@/viewport/contract";
import { RENDERED } from "@/viewport/metadata";

/** What lies at a point of the canvas (CSS pixels); undefined beside the image or while another one is on its way. */
export function pixelAt(viewport: Types.IStackViewport, at: Types.Point2): PixelReading | undefined {
  const image = viewport.getCornerstoneImage();
  const data = viewport.getImageData();
  if (!image || !data || image.imageId !== viewport.getCurrentImageId()) return undefined;
  const [column, row] = utilities.transformWorldToIndex(data.imageData, viewport.canvasToWorld(at)).map(Math.round);
  if (column === undefined || row === undefined) return undefined;
  if (column < 0 || row < 0 || column >= image.columns || row >= image.rows) return undefined;
  if (image.imageId.startsWith(RENDERED)) return { column, row, values: undefined }; // a picture, scaled and windowed
  const pixels = image.getPixelData();
  const components = image.color ? pixels.length / (image.rows * image.columns) : 1;
  const first = (row * image.columns + column) * components;
  const values = Array.from(pixels.slice(first, first + Math.min(3, components)));
  return { column, row, values };
}
