/** How a stack gets the image its reader asks for: the last one asked for and no other, coarse before whole where that takes long. */

import { Enums, utilities, type Types } from "@cornerstonejs/core";

import { isAborted } from "@/dicomweb/http";
import { reachable } from "@/dicomweb/reach";
import { loadCoarse, loadFrame, release } from "@/viewport/frameLoader";

interface Listener {
  readonly id: string;
  successCallback(imageId: string, image: Types.IImage): void;
  errorCallback(imageId: string, permanent: boolean, error: unknown): void;
  getLoaderImageOptions(imageId: string): Record<string, unknown>;
}

/** By viewport: the image it waits for, and how to stop. */
const waiting = new Map<string, { readonly imageId: string; readonly abort: AbortController }>();

/** The viewport waits for nothing any more. */
export function stopWaiting(viewportId: string): void {
  const one = waiting.get(viewportId);
  if (!one) return;
  waiting.delete(viewportId);
  one.abort.abort();
  release(one.imageId);
}

async function loadOne(imageId: string, viewport: Listener): Promise<void> {
  stopWaiting(viewport.id);
  const abort = new AbortController();
  const mine = { imageId, abort };
  waiting.set(viewport.id, mine);
  const isLast = (): boolean => waiting.get(viewport.id) === mine;
  const coarse = await loadCoarse(imageId, abort.signal).catch(() => undefined);
  if (!isLast()) return;
  if (coarse) viewport.successCallback(imageId, coarse);
  try {
    const options = { ...viewport.getLoaderImageOptions(imageId), requestType: Enums.RequestType.Interaction };
    const image = await loadFrame(imageId, options);
    if (isLast()) viewport.successCallback(imageId, image);
  } catch (error) {
    const stays = coarse !== undefined && !reachable.peek(); // what this device has of it, and says that it is a part
    if (isLast() && !isAborted(error) && !stays) viewport.errorCallback(imageId, true, error);
  } finally {
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
