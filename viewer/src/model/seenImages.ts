/** The images of a study that were looked at since it was opened: those that are here, those that are no longer, and their series. */

import type { Frame } from "@/dicomweb/frames";
import type { Measured } from "@/dicomweb/measured";

type Image = Pick<Measured, "sopInstanceUid" | "frameNumber">;

export class SeenImages {
  /** Images that the node, asked, does not show. */
  readonly absent = new Set<string>();
  private readonly frames = new Map<string, readonly Frame[]>();
  private readonly withdrawn = new Map<string, Frame>();
  /** The series of every image, also of those that objects of the study speak of. */
  private readonly series = new Map<string, string>();
  /** Series that the study has, or had. */
  private readonly known = new Set<string>();

  get here(): readonly Frame[] {
    return [...this.frames.values()].flat();
  }

  /** Those that were here and are no longer. */
  get gone(): readonly Frame[] {
    return [...this.withdrawn.values()];
  }

  framesOf(seriesInstanceUid: string): readonly Frame[] {
    return this.frames.get(seriesInstanceUid) ?? [];
  }

  seriesOf(sopInstanceUid: string): string | undefined {
    return this.series.get(sopInstanceUid);
  }

  wasKnown(seriesInstanceUid: string): boolean {
    return this.known.has(seriesInstanceUid);
  }

  isAbsent(sopInstanceUid: string): boolean {
    return this.absent.has(sopInstanceUid);
  }

  isGone(image: Image): boolean {
    return this.absent.has(image.sopInstanceUid) || this.withdrawn.has(keyOf(image));
  }

  /** An image lies in this series, be it seen or not. */
  learn(sopInstanceUid: string, seriesInstanceUid: string): void {
    this.series.set(sopInstanceUid, seriesInstanceUid);
  }

  /** These stand on the screen. */
  see(frames: readonly Frame[]): void {
    const [first] = frames;
    if (!first) return;
    this.follow(first.seriesInstanceUid, frames);
    for (const frame of frames) this.learn(frame.sopInstanceUid, frame.seriesInstanceUid);
  }

  /** The study has these series now, and no others; of a study that lists none yet nothing is known. */
  list(listed: ReadonlySet<string>): void {
    for (const uid of listed) this.known.add(uid);
    if (listed.size > 0) for (const uid of this.frames.keys()) if (!listed.has(uid)) this.follow(uid, []);
  }

  /** The images of a series as they are now. */
  private follow(seriesInstanceUid: string, frames: readonly Frame[]): void {
    const before = this.frames.get(seriesInstanceUid);
    if (before === frames) return;
    for (const frame of before ?? []) this.withdrawn.set(keyOf(frame), frame);
    for (const frame of frames) {
      this.withdrawn.delete(keyOf(frame));
      this.absent.delete(frame.sopInstanceUid);
    }
    if (frames.length > 0) this.frames.set(seriesInstanceUid, frames);
    else this.frames.delete(seriesInstanceUid);
  }
}

function keyOf({ sopInstanceUid, frameNumber }: Image): string {
  return `${sopInstanceUid}#${frameNumber}`;
}
