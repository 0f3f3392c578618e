/** How much of a stack is loaded, and about how many bytes are still to come. */

import type { Dataset } from "@/dicomweb/json";
import { bytesExpected, bytesOf, followBytes } from "@/viewport/frameLoader";

const PROGRESS_EVERY_MS = 200;

export class StackBytes {
  /** How many images are loaded. */
  count = 0;
  private followed: string | undefined;

  /** `first` tells what an image takes before any is here; `loaded` hears of what is here, and what is left. */
  constructor(
    private readonly imageIds: () => readonly string[],
    private readonly first: () => Dataset | undefined,
    private readonly loaded: (count: number, bytesLeft: number) => void,
  ) {}

  /** The image that comes now, whose bytes are told as they come; without one nothing is followed any more. */
  follow(index?: number): void {
    if (this.followed !== undefined) followBytes(this.followed, undefined);
    this.followed = index === undefined ? undefined : this.imageIds()[index];
    let told = 0;
    const progress = (received: number): void => {
      if (performance.now() - told < PROGRESS_EVERY_MS) return;
      told = performance.now();
      this.tell(received);
    };
    if (this.followed !== undefined) followBytes(this.followed, progress);
  }

  /** What is not here yet is taken to be as large as what is, on the average; `received` bytes are of the image shown. */
  tell(received = 0): void {
    const imageIds = this.imageIds();
    let [known, sum] = [0, 0];
    for (const imageId of imageIds) {
      const bytes = bytesOf(imageId);
      if (bytes === undefined) continue;
      known += 1;
      sum += bytes;
    }
    const first = this.first();
    const each = known > 0 ? sum / known : first ? bytesExpected(first) : 0;
    this.loaded(this.count, Math.max(0, (imageIds.length - this.count) * each - received));
  }
}
