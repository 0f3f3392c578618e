/** Loads the node's picture of an image where the browser cannot decode the image itself. */

import { imageLoader, utilities, type Types } from "@cornerstonejs/core";

import { reach } from "@/dicomweb/reach";
import { RENDERED } from "@/viewport/metadata";

interface Loaded {
  promise: Promise<Types.IImage>;
  cancelFn: () => void;
}

async function load(imageId: string, signal: AbortSignal): Promise<Types.IImage> {
  const answer = await reach(imageId.slice(RENDERED.length), {
    headers: { Accept: "image/jpeg" },
    credentials: "same-origin",
    signal,
  });
  if (!answer.ok) throw new Error(`the node answered ${answer.status}`);
  const bitmap = await createImageBitmap(await answer.blob());
  const { canvas, pixels } = drawn(bitmap);
  return colourImage(imageId, canvas, pixels);
}

/** Red, green and blue of a picture, on a canvas and as numbers; the bitmap is closed. */
function drawn(bitmap: ImageBitmap): { readonly canvas: HTMLCanvasElement; readonly pixels: Uint8Array } {
  const canvas = document.createElement("canvas");
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const context = canvas.getContext("2d");
  if (!context) throw new Error("no canvas");
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { canvas, pixels: withoutAlpha(context.getImageData(0, 0, canvas.width, canvas.height).data) };
}

function withoutAlpha(rgba: Uint8ClampedArray): Uint8Array {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    rgb[to] = rgba[from] ?? 0;
    rgb[to + 1] = rgba[from + 1] ?? 0;
    rgb[to + 2] = rgba[from + 2] ?? 0;
  }
  return rgb;
}

function colourImage(imageId: string, canvas: HTMLCanvasElement, pixels: Uint8Array): Types.IImage {
  const { width, height } = canvas;
  const image: Omit<Types.IImage, "voiLUTFunction"> = {
    imageId,
    dataType: "Uint8Array",
    color: true,
    rgba: false,
    numberOfComponents: 3,
    photometricInterpretation: "RGB",
    rows: height,
    columns: width,
    height,
    width,
    rowPixelSpacing: 1,
    columnPixelSpacing: 1,
    slope: 1,
    intercept: 0,
    minPixelValue: 0,
    maxPixelValue: 255,
    windowCenter: 128,
    windowWidth: 256,
    invert: false,
    sizeInBytes: pixels.byteLength,
    getPixelData: () => pixels,
    getCanvas: () => canvas,
    voxelManager: utilities.VoxelManager.createImageVoxelManager({
      width,
      height,
      scalarData: pixels,
      numberOfComponents: 3,
    }),
  };
  return image as Types.IImage; // without a VOI LUT function: the picture has its window in it
}

export function installRenderedLoader(): void {
  imageLoader.registerImageLoader(RENDERED.slice(0, -1), (imageId: string): Loaded => {
    const abort = new AbortController();
    return { promise: load(imageId, abort.signal), cancelFn: () => abort.abort() };
  });
}
