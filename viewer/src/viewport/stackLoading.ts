/** How a stack gets the image its reader asks for: the last one asked for and no other, coarse before whole where that takes long. */

import { Enums, utilities, type Types } from "@cornerstonejs/core";

import { isAborted } from "@/dicomweb/http";
import { reachable } from "@/dicomweb/reach";
import { followCoarse, isLong, keptCoarse, loadFrame, release } from "@/viewport/frameLoader";

interface Listener {
  readonly id: string;
  successCallback(imageId: string, image: Types.IImage): void;
  errorCallback(imageId: string, permanent: boolean, error: unknown): void;
  getLoaderImageOptions(imageId: string): Record<string, unknown>;
}

const SCROLLING_MS = 250; // images that follow each other so soon are scrolled through
const SETTLED_MS = 150;

interface Waiting {
  readonly imageId: string;
  /** It was asked for, and has to be released. */
  asked: boolean;
}

/** By viewport: the image it waits for, and when it wanted one last. */
const waiting = new Map<string, Waiting>();
const askedAt = new Map<string, number>();

/** The viewport is gone, or shows nothing. */
export function stopWaiting(viewportId: string): void {
  drop(viewportId);
  askedAt.delete(viewportId);
}

/** It no longer waits for the image it asked for. */
function drop(viewportId: string): void {
  const one = waiting.get(viewportId);
  if (!one) return;
  waiting.delete(viewportId);
  if (one.asked) release(one.imageId);
}

/** Whether the reader has gone on before it was worth asking: images that are scrolled past are not asked for over a slow link. */
async function isPassedBy(imageId: string, viewportId: string, isLast: () => boolean): Promise<boolean> {
  const now = performance.now();
  const before = askedAt.get(viewportId) ?? -Infinity;
  askedAt.set(viewportId, now);
  if (now - before > SCROLLING_MS || !isLong(imageId)) return false;
  await new Promise((resolve) => setTimeout(resolve, SETTLED_MS));
  return !isLast();
}

async function loadOne(imageId: string, viewport: Listener): Promise<void> {
  drop(viewport.id);
  const mine: Waiting = { imageId, asked: false };
  waiting.set(viewport.id, mine);
  const isLast = (): boolean => waiting.get(viewport.id) === mine;
  if (await isPassedBy(imageId, viewport.id, isLast)) return;
  let seen = false;
  const show = (image: Types.IImage): void => {
    seen = true;
    if (isLast()) viewport.successCallback(imageId, image);
  };
  const kept = await keptCoarse(imageId).catch(() => undefined);
  if (!isLast()) return;
  if (kept) show(kept);
  const options = { ...viewport.getLoaderImageOptions(imageId), requestType: Enums.RequestType.Interaction };
  const whole = loadFrame(imageId, options);
  mine.asked = true;
  const stop = followCoarse(imageId, show);
  try {
    const image = await whole;
    stop();
    if (isLast()) viewport.successCallback(imageId, image);
  } catch (error) {
    const stays = seen && !reachable.peek(); // what this device has of it, and says that it is a part
    if (isLast() && !isAborted(error) && !stays) viewport.errorCallback(imageId, true, error);
  } finally {
    stop();
    if (isLast()) waiting.delete(viewport.id);
  }
}

const LOADER = {
  loadImages: async (imageIds: string[], viewport: Listener): Promise<void> => {
    await Promise.all(imageIds.map((imageId) => loadOne(imageId, viewport)));
  },
};

export function installStackLoading(): void {
  utilities.imageRetrieveMetadataProvider.add("stack", { create: () => LOADER } as never);
}
