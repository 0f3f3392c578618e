/** The reader's hold on the study that is open: taken on opening, renewed while it is open, let go on leaving. */

import { computed, signal } from "@preact/signals";

import { Failure, isAborted, isOutOfReach, type Http } from "@/dicomweb/http";
import { record, string } from "@/model/decode";
import { readingOf, type Reading } from "@/model/worklistStudy";
import type { Errands } from "@/offline/errands";

export type Deed = "hold" | "take_over" | "release" | "mark_read" | "mark_unread";

const RENEWED_MS = 60_000;
/** What means the same later, when nobody else read the study meanwhile. */
const WAITS: ReadonlySet<Deed> = new Set(["mark_read", "mark_unread"]);
/** As far as nobody knows otherwise. */
export const UNREAD: Reading = { state: "unread", by: "", at: "", until: "" };

/** Tell the node; answers what it is then. Raises Failure. */
export async function tell(http: Http, studyInstanceUid: string, deed: Deed, keepalive = false): Promise<Reading> {
  const path = `/api/studies/${studyInstanceUid}/reading`;
  return readingOf(await http.json(path, { method: "POST", json: { deed }, keepalive }));
}

/** Keep it until the node can be reached; whether it is kept. `known`: whose the study was, as far as this device knows. */
export function keepDeed(errands: Errands, studyInstanceUid: string, deed: Deed, known: Reading): boolean {
  if (!WAITS.has(deed)) return false;
  const waiting = waitingDeed(errands, studyInstanceUid);
  if (waiting && waiting.deed !== deed) {
    errands.drop(studyInstanceUid, "reading"); // as it was
    return true;
  }
  return errands.keep(studyInstanceUid, "reading", { deed, seen: waiting?.seen ?? known.by });
}

/** What waits to be said of a study. */
export function waitingDeed(errands: Errands | undefined, studyInstanceUid: string): { readonly deed: Deed; readonly seen: string } | undefined {
  const errand = errands?.of(studyInstanceUid, "reading");
  if (!errand || errand.refusal) return undefined;
  const body = record(errand.body);
  return { deed: body["deed"] === "mark_unread" ? "mark_unread" : "mark_read", seen: string(body["seen"]) };
}

export class Holding {
  /** Undefined until the node has answered, and for who only looks. */
  readonly reading = signal<Reading | undefined>(undefined);
  /** As the screen tells it: without the node, what this device knows. */
  readonly shown = computed(() => this.reading.value ?? (isOutOfReach(this.failure.value) ? this.known : undefined));
  readonly waiting = computed(() => waitingDeed(this.errands, this.studyInstanceUid)?.deed);
  readonly failure = signal<Failure | undefined>(undefined);
  /** Why what the reader asked for last was not done: nothing on the screen tells it else. */
  readonly refused = signal<Failure | undefined>(undefined);

  private readonly stopFollowing: (() => void) | undefined;
  private timer: ReturnType<typeof setInterval> | undefined;
  private readonly leave = (): void => void this.do("release", true);

  constructor(
    private readonly http: Http,
    private readonly studyInstanceUid: string,
    readonly user: string,
    private readonly errands?: Errands,
    /** What this device knows of it. */
    private readonly known: Reading = UNREAD,
  ) {
    this.stopFollowing = errands?.follow((errand, answer) => {
      if (errand.studyInstanceUid === studyInstanceUid && errand.kind === "reading") this.reading.value = readingOf(answer);
    });
  }

  open(): void {
    void this.do("hold");
    this.timer = setInterval(() => {
      if (this.reading.peek()?.state === "reading") void this.do("hold"); // marked or released: not again by itself
    }, RENEWED_MS);
    globalThis.addEventListener("pagehide", this.leave);
  }

  close(): void {
    clearInterval(this.timer);
    this.stopFollowing?.();
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
    const known = this.shown.peek() ?? this.known;
    await this.do(deed);
    const failure = this.failure.peek();
    if (!failure) this.errands?.drop(this.studyInstanceUid, "reading"); // this is the last word
    else if (!this.errands || !isOutOfReach(failure) || !keepDeed(this.errands, this.studyInstanceUid, deed, known)) this.refused.value = failure;
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
