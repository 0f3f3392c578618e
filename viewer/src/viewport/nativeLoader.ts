/** Images whose pixels the node decodes and this page gives their meaning: where the browser's decoders are known to err. */

import { imageLoader, utilities, type Types } from "@cornerstonejs/core";

import { framePath, instancePath, seriesPath } from "@/dicomweb/client";
import type { Frame } from "@/dicomweb/frames";
import { datasets, number, Tag, text } from "@/dicomweb/json";
import { nativePixels, PLANAR_CONFIGURATION, type NativePixels } from "@/dicomweb/nativePixels";
import { reach } from "@/dicomweb/reach";
import { spacingOf } from "@/dicomweb/spacing";
import { frameOf, NATIVE, windowsOf } from "@/viewport/metadata";

const UNCOMPRESSED = "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1";
const STORED_UNCOMPRESSED = new Set(["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"]);

interface Loaded {
  promise: Promise<Types.IImage>;
  cancelFn: () => void;
}

async function load(imageId: string, signal: AbortSignal): Promise<Types.IImage> {
  const frame = frameOf(imageId);
  if (!frame) throw new Error("an image that nobody registered");
  const answer = await asked(framePath(frame), UNCOMPRESSED, signal);
  const planes = number(frame.dataset, PLANAR_CONFIGURATION) === 1 && (await isStoredUncompressed(frame, signal));
  return image(imageId, frame, nativePixels(frame.dataset, await answer.arrayBuffer(), planes));
}

async function asked(path: string, accept: string, signal: AbortSignal): Promise<Response> {
  const answer = await reach(path, { headers: { Accept: accept }, credentials: "same-origin", signal });
  if (!answer.ok) throw new Error(`the node answered ${answer.status}`);
  return answer;
}

/** Planes of colour stay as they lie in objects stored uncompressed; what was decoded comes pixel by pixel. */
async function isStoredUncompressed({ studyInstanceUid, seriesInstanceUid, sopInstanceUid }: Frame, signal: AbortSignal): Promise<boolean> {
  const answer = await asked(instancePath(sopInstanceUid, seriesPath(studyInstanceUid, seriesInstanceUid)), "application/dicom+json", signal);
  const [instance] = datasets(await answer.json());
  return instance !== undefined && STORED_UNCOMPRESSED.has(text(instance, Tag.AvailableTransferSyntaxUID));
}

interface Window {
  readonly center: number;
  readonly width: number;
}

/** An image of greys whose values are told, and by which window they are opened. */
export function monochromeImage(imageId: string, frame: Frame, values: Float32Array, window: Window): Types.IImage {
  let [min, max] = [Infinity, -Infinity];
  for (const value of values) [min, max] = [value < min ? value : min, value > max ? value : max];
  return image(imageId, frame, { values, components: 1, min, max }, window);
}

function image(imageId: string, frame: Frame, { values, components, min, max }: NativePixels, opened?: Window): Types.IImage {
  const { dataset } = frame;
  const [height, width] = [number(dataset, Tag.Rows) ?? 0, number(dataset, Tag.Columns) ?? 0];
  const { row, column } = spacingOf(dataset);
  const color = components === 3;
  const windows = opened ? { centers: [opened.center], widths: [opened.width] } : windowsOf(dataset);
  const range = utilities.windowLevel.toWindowLevel(min, max > min ? max : min + 1); // one value only: black
  const made: Omit<Types.IImage, "voiLUTFunction"> = {
    imageId,
    dataType: values.constructor.name as Types.PixelDataTypedArrayString,
    color,
    rgba: false,
    numberOfComponents: components,
    photometricInterpretation: text(dataset, Tag.PhotometricInterpretation) || "MONOCHROME2",
    rows: height,
    columns: width,
    height,
    width,
    rowPixelSpacing: row,
    columnPixelSpacing: column,
    slope: 1,
    intercept: 0,
    minPixelValue: min,
    maxPixelValue: max,
    windowCenter: color ? 128 : (windows?.centers[0] ?? range.windowCenter),
    windowWidth: color ? 256 : (windows?.widths[0] ?? range.windowWidth),
    invert: text(dataset, Tag.PhotometricInterpretation) === "MONOCHROME1",
    sizeInBytes: values.byteLength,
    getPixelData: () => values,
    getCanvas: () => document.createElement("canvas"),
    voxelManager: utilities.VoxelManager.createImageVoxelManager({
      width,
      height,
      scalarData: values,
      numberOfComponents: components,
    }),
  };
  return made as Types.IImage; // the VOI LUT function is told by the metadata
}

export function installNativeLoader(): void {
  imageLoader.registerImageLoader(NATIVE.slice(0, -1), (imageId: string): Loaded => {
    const abort = new AbortController();
    return { promise: load(imageId, abort.signal), cancelFn: () => abort.abort() };
  });
}
