/** The reader's hold on the study that is open: taken on opening, renewed while it is open, let go on leaving. */

import { signal } from "@preact/signals";

import { Failure, isAborted, type Http } from "@/dicomweb/http";
import { readingOf, type Reading } from "@/model/worklist";

export type Deed = "hold" | "take_over" | "release" | "mark_read" | "mark_unread";

const RENEWED_MS = 60_000;

/** Tell the node; answers what it is then. Raises Failure. */
export async function tell(http: Http, studyInstanceUid: string, deed: Deed, keepalive = false): Promise<Reading> {
  const path = `/api/studies/${studyInstanceUid}/reading`;
  return readingOf(await http.json(path, { method: "POST", json: { deed }, keepalive }));
}

export class Holding {
  /** Undefined until the node has answered, and for who only looks. */
  readonly reading = signal<Reading | undefined>(undefined);
  readonly failure = signal<Failure | undefined>(undefined);
  /** Why what the reader asked for last was not done: nothing on the screen tells it else. */
  readonly refused = signal<Failure | undefined>(undefined);

  private timer: ReturnType<typeof setInterval> | undefined;
  private readonly leave = (): void => void this.do("release", true);

  constructor(
    private readonly http: Http,
    private readonly studyInstanceUid: string,
    readonly user: string,
  ) {}

  open(): void {
    void this.do("hold");
    this.timer = setInterval(() => {
      if (this.reading.peek()?.state === "reading") void this.do("hold"); // marked or released: not again by itself
    }, RENEWED_MS);
    globalThis.addEventListener("pagehide", this.leave);
  }

  close(): void {
    clearInterval(this.timer);
    globalThis.removeEventListener("pagehide", this.leave);
    this.leave();
  }

  /** The study was spoken of: somebody may have taken over. */
  async look(): Promise<void> {
    await this.attempt(() => this.http.json(`/api/studies/${this.studyInstanceUid}/reading`).then(readingOf));
  }

  async do(deed: Deed, keepalive = false): Promise<void> {
    await this.attempt(() => tell(this.http, this.studyInstanceUid, deed, keepalive));
  }

  /** As `do`, of the reader's own will. */
  async ask(deed: Deed): Promise<void> {
    this.refused.value = undefined;
    await this.do(deed);
    this.refused.value = this.failure.peek();
  }

  private async attempt(work: () => Promise<Reading>): Promise<void> {
    try {
      this.reading.value = await work();
      this.failure.value = undefined;
    } catch (error) {
      if (isAborted(error)) return;
      if (!(error instanceof Failure)) throw error;
      this.failure.value = error;
    }
  }
}
