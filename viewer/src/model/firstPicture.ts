/** The picture that a study opens with: asked for before anything is known of the study but its UID. */

import { signal } from "@preact/signals";

import { reach } from "@/dicomweb/reach";
import { FIRST_PICTURE, firstPicturePath } from "@/early/answers";
import { once } from "@/model/once";

const PATIENCE_MS = 2500;

/** `…/series/{series}/instances/{instance}[/frames/{n}]/rendered`, as the node says where the picture is from. */
const ADDRESS = /\/series\/([0-9.]+)\/instances\/([0-9.]+)(?:\/frames\/(\d+))?\/rendered$/;

export interface FirstPicture {
  /** Of an object that the browser holds; good until the study is closed. */
  readonly url: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
  readonly frameNumber: number;
  /** Its object has other frames. */
  readonly isOfMany: boolean;
}

export class FirstPictureLoad {
  readonly picture = signal<FirstPicture | undefined>(undefined);
  /** It is here, or will not come soon: the link is free for other things. */
  readonly settled = signal(false);

  private readonly closed = new AbortController();

  constructor(private readonly studyInstanceUid: string) {}

  async load(): Promise<void> {
    const timer = setTimeout(() => (this.settled.value = true), PATIENCE_MS);
    try {
      const answer = await reach(firstPicturePath(this.studyInstanceUid), { ...FIRST_PICTURE, signal: this.closed.signal });
      const from = ADDRESS.exec(answer.headers.get("Content-Location") ?? "");
      if (!answer.ok || !from) return;
      const url = URL.createObjectURL(await answer.blob());
      await decoded(url);
      const [, seriesInstanceUid = "", sopInstanceUid = "", frame] = from;
      const shown = { url, seriesInstanceUid, sopInstanceUid, frameNumber: Number(frame ?? 1), isOfMany: frame !== undefined };
      this.replace(this.closed.signal.aborted ? undefined : shown);
      if (this.closed.signal.aborted) URL.revokeObjectURL(url);
    } catch {
      // Previews are a courtesy: what is wrong is told by the requests that matter.
    } finally {
      clearTimeout(timer);
      this.settled.value = true;
    }
  }

  /** Do it then, or now; never when the study is closed before. */
  whenSettled(then: () => void): void {
    once(
      () => this.settled.value,
      () => !this.closed.signal.aborted && then(),
    );
  }

  close(): void {
    this.closed.abort();
    this.replace(undefined);
  }

  private replace(next: FirstPicture | undefined): void {
    const before = this.picture.peek();
    this.picture.value = next;
    if (before) URL.revokeObjectURL(before.url);
  }
}

/** What is decoded is on the screen with the next frame. */
async function decoded(url: string): Promise<void> {
  const image = new Image();
  image.src = url;
  await image.decode().catch(() => {}); // the element that shows it will say so
}
