/** What a save would leave out, told before anything is sent: the node writes nothing about images that were rejected or deleted. */

import { Failure, isOutOfReach } from "@/dicomweb/http";
import type { OpenStudy } from "@/model/study";

/** What a save would write no more, on images that were rejected or deleted since: measurements, and key images by `SOP Instance UID#frame`. */
export interface LeftOut {
  readonly measurements: readonly string[];
  readonly keyImages: readonly string[];
}

export const NONE_LEFT_OUT: LeftOut = { measurements: [], keyImages: [] };

/** The image that a key image is, or is a frame of. */
export function imageOf(key: string): string {
  return key.split("#")[0] ?? "";
}

/** Whether the reader was told of all that is left out. */
export function isCovered(leftOut: LeftOut, told: LeftOut): boolean {
  return leftOut.measurements.every((uid) => told.measurements.includes(uid)) && leftOut.keyImages.every((key) => told.keyImages.includes(key));
}

/** Ask which of these images of the study the node shows, and keep in `absent` those it does not. Raises Failure. */
export async function learnAbsent({ web, studyInstanceUid }: Pick<OpenStudy, "web" | "studyInstanceUid">, sopInstanceUids: readonly string[], absent: Set<string>): Promise<void> {
  const asked = [...new Set(sopInstanceUids)].filter((uid) => uid !== "");
  if (asked.length === 0) return;
  try {
    const present = await web.present(studyInstanceUid, asked);
    for (const uid of asked) {
      if (present.has(uid)) absent.delete(uid);
      else absent.add(uid);
    }
  } catch (error) {
    if (!(error instanceof Failure && isOutOfReach(error))) throw error; // the node says so when it is sent
  }
}
