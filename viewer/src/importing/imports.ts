/** One import: what was chosen, what of it goes to the node, and what has become of it. It goes on while its page is open. */

import { batch, signal } from "@preact/signals";

import { isUid } from "@/dicomweb/client";
import { Failure, isAborted, type Http } from "@/dicomweb/http";
import { Tag, text, type Dataset } from "@/dicomweb/json";
import { grouped, matched, multipart, newBoundary, zip, type Batch, type Begun } from "@/importing/batches";
import { kindOf, printOf, type Kind, type Picked } from "@/importing/files";
import { forget, recall, remember, type Remembered } from "@/importing/remembered";
import { Upload, type FileOutcome } from "@/importing/upload";
import { list } from "@/model/decode";

export type Fate = "waiting" | "sending" | "takingIn" | "stored" | "known" | "failed" | "leftOut" | "notNeeded";

/** One line of the report. */
export interface FileRow {
  readonly path: string;
  readonly size: number;
  fate: Fate;
  /** Why, where it was not stored: what its bytes are, or a reason of the node. */
  kind?: Kind;
  reason?: number;
  words?: string;
}

export interface ImportedStudy {
  readonly studyInstanceUid: string;
  objects: number;
  patientName: string;
  date: string;
  description: string;
}

interface Running {
  readonly upload: Upload;
  readonly rows: readonly FileRow[];
}

const AT_ONCE = 3;
const LOOKED_AT_ONCE = 16;
const REDRAWN_MS = 250;

export class Imports {
  readonly open = signal(false);
  readonly paused = signal(false);
  /** Files are still being looked at. */
  readonly looking = signal(0);
  /** Counts up when a list has changed; the lists themselves are not signals, as they may be long. */
  private readonly version = signal(0);
  /** Left unfinished when the page was closed. */
  readonly interrupted = signal<Remembered | undefined>(undefined);

  private list: FileRow[] = [];
  private readonly running = new Set<Running>();
  private readonly found = new Map<string, ImportedStudy>();

  private waiting: Running[] = [];
  private readonly done = new Set<string>();
  private abort = new AbortController();
  private redraw: ReturnType<typeof setTimeout> | undefined;
  private ended = new Set<Upload>();

  constructor(
    private readonly http: Http,
    readonly user: string,
  ) {
    const left = recall(user);
    if (left) {
      this.interrupted.value = left;
      this.open.value = true;
    }
    globalThis.addEventListener("beforeunload", this.warn);
  }

  get rows(): readonly FileRow[] {
    void this.version.value;
    return this.list;
  }

  get studies(): readonly ImportedStudy[] {
    void this.version.value;
    return [...this.found.values()];
  }

  /** Bytes of all that is sent and to be sent. */
  get bytes(): { readonly sent: number; readonly total: number } {
    void this.version.value;
    let sent = 0;
    let total = 0;
    for (const { upload } of [...this.waiting, ...this.running]) {
      sent += upload.sent.peek();
      total += upload.batch.body.size;
    }
    for (const { batch: { body } } of this.ended) {
      sent += body.size;
      total += body.size;
    }
    return { sent, total };
  }

  get isBusy(): boolean {
    void this.version.value;
    return this.looking.value > 0 || this.running.size > 0 || this.waiting.length > 0;
  }

  counts(): Readonly<Record<Fate, number>> {
    const counts = { waiting: 0, sending: 0, takingIn: 0, stored: 0, known: 0, failed: 0, leftOut: 0, notNeeded: 0 };
    for (const { fate } of this.rows) counts[fate] += 1;
    return counts;
  }

  /** How much of a file has gone, 0…1, where that can be told. */
  progress(row: FileRow): number | undefined {
    for (const { upload, rows } of this.running) {
      const at = rows.indexOf(row);
      const member = upload.batch.members[at];
      if (!member) continue;
      const length = member.end - member.start;
      return length === 0 ? 1 : Math.min(1, Math.max(0, (upload.sent.value - member.start) / length));
    }
    return undefined;
  }

  /** Why nothing goes on at the moment; undefined while it does. */
  get stopped(): Failure | undefined {
    void this.version.value;
    const all = [...this.running];
    return all.length > 0 && all.every(({ upload }) => upload.state.peek() === "offline") ? all[0]?.upload.failure : undefined;
  }

  /** Look at the files, then send what the node takes. */
  async add(files: readonly Picked[]): Promise<void> {
    batch(() => {
      this.open.value = true;
      this.paused.value = false;
      this.looking.value += files.length;
    });
    const kinds = new Map<Picked, Kind>();
    const toLookAt = [...files];
    const look = async (): Promise<void> => {
      for (let picked = toLookAt.pop(); picked; picked = toLookAt.pop()) {
        kinds.set(picked, await kindOf(picked.file));
        this.looking.value -= 1;
      }
    };
    await Promise.all(Array.from({ length: LOOKED_AT_ONCE }, look));
    this.plan(files, kinds);
    this.interrupted.value = undefined;
    this.remember();
    this.changed();
    this.next();
  }

  pause(): void {
    this.paused.value = true;
    this.abort.abort();
    this.abort = new AbortController();
  }

  resume(): void {
    this.paused.value = false;
    this.next();
  }

  /** What was refused as a whole is tried again. */
  retry(): void {
    const again = [...this.ended].filter(({ state }) => state.peek() === "refused");
    for (const upload of again) {
      this.ended.delete(upload);
      const rows = upload.batch.members.map(({ picked }) => this.rowOf.get(picked)).filter((row) => row !== undefined);
      for (const row of rows) Object.assign(row, { fate: "waiting", reason: undefined, words: undefined });
      upload.state.value = "waiting";
      this.waiting.push({ upload, rows });
    }
    this.changed();
    this.next();
  }

  get mayRetry(): boolean {
    void this.version.value;
    return [...this.ended].some(({ state }) => state.peek() === "refused");
  }

  /** Stop, keep what is in the archive, and close the panel. */
  discard(): void {
    this.pause();
    for (const { upload } of [...this.waiting, ...this.running]) void upload.giveUp();
    for (const { location } of this.interrupted.peek()?.begun ?? []) {
      void this.http.json(location, { method: "DELETE" }).catch(() => {}); // gone already, or goes by itself
    }
    this.waiting = [];
    this.running.clear();
    this.ended = new Set();
    this.list = [];
    this.rowOf.clear();
    this.found.clear();
    this.done.clear();
    forget();
    batch(() => {
      this.interrupted.value = undefined;
      this.paused.value = false;
      this.open.value = false;
    });
    this.changed();
  }

  /** Somebody else may sign in: nothing goes on, what is remembered is this user's. */
  close(): void {
    this.pause();
    globalThis.removeEventListener("beforeunload", this.warn);
  }

  private readonly rowOf = new Map<Picked, FileRow>();

  private readonly warn = (event: BeforeUnloadEvent): void => {
    if (this.isBusy && !this.paused.peek()) event.preventDefault();
  };

  private plan(files: readonly Picked[], kinds: ReadonlyMap<Picked, Kind>): void {
    const left = this.interrupted.peek();
    const known = new Set(left?.done ?? []);
    for (const print of known) this.done.add(print);
    const toSend: Picked[] = [];
    for (const picked of files) {
      const kind = kinds.get(picked) ?? "other";
      const row: FileRow = { path: picked.path, size: picked.file.size, fate: "waiting", kind };
      this.list.push(row);
      this.rowOf.set(picked, row);
      if (kind !== "dicom" && kind !== "zip") row.fate = fateWithout(kind);
      else if (known.has(printOf(picked.file))) row.fate = "known";
      else toSend.push(picked);
    }
    const goingOn = matched(left?.begun ?? [], toSend);
    for (const [begun, members] of goingOn) this.enqueue(members, begun);
    const used = new Set([...goingOn.values()].flat());
    const fresh = toSend.filter((picked) => !used.has(picked));
    for (const picked of fresh.filter((one) => kinds.get(one) === "zip")) this.enqueue([picked]);
    for (const group of grouped(fresh.filter((one) => kinds.get(one) === "dicom"))) this.enqueue(group, undefined, newBoundary());
  }

  private enqueue(members: readonly Picked[], begun?: Begun, newOne = ""): void {
    const boundary = begun?.boundary ?? newOne;
    const [first] = members;
    if (!first) return;
    const made: Batch = boundary === "" ? zip(first) : multipart(members, boundary);
    const upload = new Upload(made, boundary, begun?.location, () => this.remember());
    const rows = members.map((picked) => this.rowOf.get(picked)).filter((row) => row !== undefined);
    this.waiting.push({ upload, rows });
  }

  private next(): void {
    while (!this.paused.peek() && this.running.size < AT_ONCE) {
      const one = this.waiting.shift();
      if (!one) return;
      this.running.add(one);
      void this.send(one);
    }
  }

  private async send(one: Running): Promise<void> {
    const { upload, rows } = one;
    const { signal: abort } = this.abort;
    const stop = [upload.sent.subscribe(() => this.follow(one)), upload.state.subscribe(() => this.follow(one))];
    try {
      await upload.run(abort);
      this.settle(one);
    } catch (error) {
      if (!isAborted(error)) throw error;
      for (const row of rows) if (row.fate === "sending" || row.fate === "takingIn") row.fate = "waiting";
      if (this.running.has(one)) this.waiting.unshift(one);
    } finally {
      for (const end of stop) end();
      this.running.delete(one);
      this.changed();
    }
    this.next();
  }

  private follow({ upload, rows }: Running): void {
    const sent = upload.sent.peek();
    const state = upload.state.peek();
    if (state !== "sending" && state !== "takingIn") return this.changed();
    upload.batch.members.forEach(({ start, end }, index) => {
      const row = rows[index];
      if (row) row.fate = state === "takingIn" || sent >= end ? "takingIn" : sent > start ? "sending" : "waiting";
    });
    this.changed();
  }

  private settle({ upload, rows }: Running): void {
    this.ended.add(upload);
    if (upload.state.peek() === "refused") {
      const { failure } = upload;
      const words = [failure?.message, failure?.hint].filter(Boolean).join("; ");
      for (const row of rows) Object.assign(row, { fate: "failed", reason: httpReason(failure?.status ?? 0), words });
      return;
    }
    if (upload.boundary === "") this.settleZip(upload, rows);
    else rows.forEach((row, index) => this.settleFile(row, upload.outcomes[index]));
    for (const { picked } of upload.batch.members) {
      if (this.rowOf.get(picked)?.fate === "stored") this.done.add(printOf(picked.file));
    }
    this.remember();
    void this.nameStudies();
  }

  private settleZip({ outcomes }: Upload, rows: readonly FileRow[]): void {
    const [own] = rows;
    if (!own) return;
    const named = outcomes.filter(({ name }) => name !== "");
    if (named.length === 0) return this.settleFile(own, outcomes[0]);
    own.fate = "stored";
    this.list = this.list.filter((row) => row !== own); // what was in it stands in its place
    for (const outcome of named) {
      const row: FileRow = { path: `${own.path} › ${outcome.name}`, size: 0, fate: "stored" };
      this.settleFile(row, outcome);
      this.list.push(row);
    }
  }

  private settleFile(row: FileRow, outcome: FileOutcome | undefined): void {
    row.fate = outcome?.outcome === "stored" ? "stored" : "failed";
    if (outcome?.outcome === "left_out") {
      row.kind = outcome.words.includes("DICOMDIR") ? "dicomdir" : "other";
      row.fate = fateWithout(row.kind);
    }
    if (row.fate === "failed") Object.assign(row, { reason: outcome?.reason ?? 0, words: outcome?.words ?? "" });
    const uid = outcome?.studyInstanceUid ?? "";
    if (row.fate !== "stored" || !isUid(uid)) return;
    const study = this.found.get(uid) ?? { studyInstanceUid: uid, objects: 0, patientName: "", date: "", description: "" };
    study.objects += 1;
    this.found.set(uid, study);
  }

  private async nameStudies(): Promise<void> {
    for (const study of this.found.values()) {
      if (study.date !== "" || study.patientName !== "") continue;
      try {
        const [found] = list(await this.http.json(`/dicom-web/studies?StudyInstanceUID=${study.studyInstanceUid}`));
        const dataset = (found ?? {}) as Dataset;
        study.patientName = text(dataset, Tag.PatientName);
        study.date = text(dataset, Tag.StudyDate);
        study.description = text(dataset, Tag.StudyDescription);
      } catch (error) {
        if (!(error instanceof Failure)) throw error; // the link stands without a name
      }
    }
    this.changed();
  }

  private remember(): void {
    const left = [...this.waiting, ...this.running];
    if (left.length === 0) return forget();
    const begun = left
      .filter(({ upload }) => upload.location !== "")
      .map(({ upload }) => ({
        location: upload.location,
        boundary: upload.boundary,
        prints: upload.batch.members.map(({ picked }) => printOf(picked.file)),
      }));
    remember({ user: this.user, begun, done: [...this.done], files: this.rowOf.size });
  }

  private changed(): void {
    this.redraw ??= setTimeout(() => {
      this.redraw = undefined;
      this.version.value += 1;
    }, REDRAWN_MS);
  }
}

/** Of what is not stored: who counts files would take a table of contents for a lost image. */
function fateWithout(kind: Kind): Fate {
  return kind === "dicomdir" ? "notNeeded" : "leftOut";
}

/** The node's status of a whole upload as the reason that a file of it would have. */
function httpReason(status: number): number {
  return { 403: 0x0124, 413: 0xa700, 507: 0xa700 }[status] ?? 0;
}
