/** Frames of angiography less their masks: made here of the object's own pixels, so that the difference is diagnostic too. */

import { imageLoader, type Types } from "@cornerstonejs/core";

import { framePath } from "@/dicomweb/client";
import type { Frame } from "@/dicomweb/frames";
import { difference, differenceWindow, type Subtraction } from "@/dicomweb/subtraction";
import { loadFrame, release } from "@/viewport/frameLoader";
import { DIFFERENCE, frameOf, imageIdOf, nextImageId, RENDERED, storedImageId } from "@/viewport/metadata";
import { monochromeImage } from "@/viewport/nativeLoader";

/** What is taken away from it is part of an image's name: another difference is another image. */
export function differenceImageId(frame: Frame, how: Subtraction): string {
  const { masks, down, right, visible, logarithmic, rescaling } = how;
  const said = [masks.join("."), down, right, visible, Number(logarithmic), rescaling.slope, rescaling.intercept];
  return `${DIFFERENCE}${framePath(frame)}?less=${said.join(",")}`;
}

function subtractionOf(imageId: string): Subtraction {
  const [masks = "", ...rest] = (imageId.split("?less=")[1] ?? "").split(",");
  const [down = 0, right = 0, visible = 0, logarithmic = 0, slope = 1, intercept = 0] = rest.map(Number);
  return { masks: masks.split(".").map(Number), down, right, visible, logarithmic: logarithmic === 1, rescaling: { slope, intercept } };
}

/** The frames that are taken away in an image of this name; none where it is another form of it. */
export function masksOf(imageId: string): readonly number[] {
  return imageId.startsWith(DIFFERENCE) ? subtractionOf(imageId).masks : [];
}

/** The values of a frame; rejects where only the node's picture of it can be had. */
async function valuesOf(frame: Frame, used: string[]): Promise<Types.PixelDataTypedArray> {
  let imageId: string | undefined = imageIdOf(frame);
  for (;;) {
    if (imageId === undefined || imageId.startsWith(RENDERED)) throw new Error("there are no values to subtract");
    used.push(imageId);
    try {
      return (await loadFrame(imageId, {})).getPixelData();
    } catch (error) {
      const next: string | undefined = nextImageId(frame, imageId);
      if (next === undefined || next.startsWith(RENDERED)) throw error;
      imageId = next;
    }
  }
}

async function load(imageId: string, used: string[]): Promise<Types.IImage> {
  const frame = frameOf(imageId);
  if (!frame) throw new Error("an image that nobody registered");
  const how = subtractionOf(imageId);
  const masks = how.masks.map((frameNumber) => frameOf(storedImageId({ ...frame, frameNumber })));
  if (masks.includes(undefined)) throw new Error("a mask is not here");
  const [own, ...less] = await Promise.all([frame, ...(masks as Frame[])].map((one) => valuesOf(one, used)));
  if (!own) throw new Error("there are no values to subtract");
  const columns = Number(frame.dataset["00280011"]?.Value?.[0]);
  const values = difference(own, less, columns, how);
  return monochromeImage(imageId, frame, values, differenceWindow(values));
}

export function installDifferenceLoader(): void {
  imageLoader.registerImageLoader(DIFFERENCE.slice(0, -1), (imageId: string) => {
    const used: string[] = [];
    return { promise: load(imageId, used), cancelFn: () => used.forEach(release) };
  });
}
