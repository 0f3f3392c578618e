/**
 * What a reader did while the node was out of reach: kept on this device by account, across reloads and until they sign in
 * again, sent when the node is there, and told when it refuses.
 */

import { batch, computed, signal } from "@preact/signals";

import { instanceOf, type InstanceAddress } from "@/dicomweb/client";
import { Failure, isOutOfReach, type Http } from "@/dicomweb/http";
import { count, list, record, string } from "@/model/decode";
import { accountMark } from "@/offline/accountMark";

export const ERRAND_KINDS = ["reading", "measurements", "key-images", "presentation-states"] as const;
export type ErrandKind = (typeof ERRAND_KINDS)[number];

/** Why the node did not take it. */
export interface Refusal {
  readonly status: number;
  /** Who read the study, or has read it, meanwhile; "" where that is not the reason. */
  readonly by: string;
}

/** One thing that the node is to be told of a study; what is done again takes its place. */
export interface Errand {
  readonly studyInstanceUid: string;
  readonly kind: ErrandKind;
  /** Which of several of its kind; "" where there is one. */
  readonly subject: string;
  /** As the node takes it. */
  readonly body: unknown;
  /** It was sent and had no answer: the node may have it. */
  readonly sent: boolean;
  /** What was sent so before it and is replaced by it. */
  readonly before: readonly unknown[];
  /** What the screen shows of it, so that a reload does. */
  readonly shown: readonly unknown[];
  /** ms since 1970. */
  readonly at: number;
  readonly refusal: Refusal | undefined;
}

/** What is kept of one, but for what it says itself. */
interface Kept {
  readonly subject?: string;
  readonly shown?: readonly unknown[];
  readonly sent?: boolean;
}

type Listener = (errand: Errand, answer: unknown) => void;

const PLACE = "suret.errands.";
const LOCK = "suret.errands"; // of several windows one sends
const CONFLICT = 409;
const AGAIN_MS = 30_000;
const REST_MS = 1000; // after what did not get through, though the node answers; twice as long each time
/** The node, or a proxy, could not do it now, or nobody is signed in. */
const PASSING: ReadonlySet<number> = new Set([401, 408, 429]);

function errandOf(value: unknown): Errand | undefined {
  const one = record(value);
  const kind = ERRAND_KINDS.find((known) => known === one["kind"]);
  const refusal = record(one["refusal"]);
  if (!kind) return undefined;
  return {
    studyInstanceUid: string(one["studyInstanceUid"]),
    kind,
    subject: string(one["subject"]),
    body: one["body"],
    sent: one["sent"] === true,
    before: list(one["before"]),
    shown: list(one["shown"]),
    at: count(one["at"]),
    refusal: one["refusal"] === undefined ? undefined : { status: count(refusal["status"]), by: string(refusal["by"]) },
  };
}

export class Errands {
  readonly all = signal<readonly Errand[]>([]);
  readonly waiting = computed(() => this.all.value.filter(({ refusal }) => !refusal));
  readonly refused = computed(() => this.all.value.filter(({ refusal }) => refusal));

  private place = "";
  private name = "";
  private sending: Promise<void> | undefined;
  private again: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private restsUntil = 0;
  private readonly listeners = new Set<Listener>();

  constructor(
    private readonly http: Http,
    /** Whether this device may keep anything of who is here. */
    private readonly mayKeep: () => boolean,
  ) {
    globalThis.addEventListener?.("storage", ({ key }) => {
      if (key !== null && key === this.place) this.read();
    });
  }

  /** Who is here, as the node or this device says. */
  async enter(name: string): Promise<void> {
    this.name = name;
    const place = PLACE + (await accountMark(name));
    if (this.name !== name) return;
    this.place = place;
    this.read();
  }

  /** They signed out: what waits goes on waiting for them, and nobody else sees it. */
  leave(): void {
    clearTimeout(this.again);
    this.rest(0);
    this.name = this.place = "";
    this.all.value = [];
  }

  /** Called with what the node took and its answer, before anything else follows from it. */
  follow(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  of(studyInstanceUid: string, kind: ErrandKind): Errand | undefined {
    return this.all.value.find((one) => one.studyInstanceUid === studyInstanceUid && one.kind === kind);
  }

  /** Whether it is kept; it is not where the device may keep nothing, or has no room. */
  keep(studyInstanceUid: string, kind: ErrandKind, body: unknown, { subject = "", shown = [], sent = false }: Kept = {}): boolean {
    if (this.place === "" || !this.mayKeep()) return false;
    const what = { studyInstanceUid, kind, subject };
    return this.write((all) => {
      const former = all.find((one) => isOfSame(one, what));
      const before = former && !former.refusal ? [...former.before, ...(former.sent ? [former.body] : [])] : [];
      const errand = { ...what, body, sent, before: before.filter(replaces), shown, at: Date.now(), refusal: undefined };
      return [...all.filter((one) => one !== former), errand];
    });
  }

  drop(studyInstanceUid: string, kind: ErrandKind, subject = ""): void {
    this.write((all) => all.filter((one) => !isOfSame(one, { studyInstanceUid, kind, subject })));
  }

  /** The node is there, and the account signed in: what waits is sent. */
  async send(): Promise<void> {
    if (this.waiting.peek().length === 0) return;
    const rest = this.restsUntil - Date.now();
    if (rest > 0) {
      // a proxy may end this request alone, and the next answer calls the node there again
      clearTimeout(this.again);
      this.again = setTimeout(() => void this.send(), rest);
      return;
    }
    this.sending ??= this.alone(() => this.deliver()).finally(() => {
      this.sending = undefined;
    });
    await this.sending;
  }

  private async alone(work: () => Promise<void>): Promise<void> {
    const locks = globalThis.navigator?.locks as LockManager | undefined; // over HTTPS, or on this machine
    await (locks ? locks.request(LOCK, work) : work());
  }

  private async deliver(): Promise<void> {
    clearTimeout(this.again);
    const { place } = this;
    this.read(); // another window may have sent some
    for (const waiting of this.waiting.peek()) {
      let errand = waiting;
      try {
        errand = await this.settled(waiting);
        if (this.place !== place) return;
        const answer = await this.post(errand, errand.body);
        this.rest(0);
        if (this.place !== place) return; // sent twice is better than lost
        batch(() => {
          for (const listener of this.listeners) listener(errand, answer);
          this.write((all) => all.filter((one) => !isSame(one, errand)));
        });
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        if (this.place !== place) return;
        this.rest(isOutOfReach(error) ? this.failures + 1 : 0);
        if (isPassing(error)) {
          if (!isOutOfReach(error) && error.status !== 401) this.again = setTimeout(() => void this.send(), error.retryAfter * 1000 || AGAIN_MS);
          return;
        }
        const refusal = { status: error.status, by: error.status === CONFLICT && errand.kind === "reading" ? await this.reader(errand) : "" };
        this.write((all) => all.map((one) => (isSame(one, errand) ? { ...one, refusal } : one)));
      }
    }
  }

  private post({ studyInstanceUid, kind }: Errand, json: unknown): Promise<unknown> {
    return this.http.json(`/api/studies/${studyInstanceUid}/${kind}`, { method: "POST", json });
  }

  /** What had no answer is sent again as it was, so that what is sent now can say what it replaces. Raises Failure while there is none. */
  private async settled(errand: Errand): Promise<Errand> {
    if (errand.sent && errand.before.length === 0) return errand;
    const { place } = this;
    let { body } = errand;
    for (const one of errand.before) {
      try {
        body = replacing(body, instanceOf(await this.post(errand, one)));
      } catch (error) {
        if (!(error instanceof Failure) || isPassing(error)) throw error;
      }
    }
    const next = { ...errand, body, before: [], sent: true };
    if (this.place === place) this.write((all) => all.map((one) => (isSame(one, errand) ? next : one)));
    return next;
  }

  private rest(failures: number): void {
    this.failures = failures;
    this.restsUntil = failures === 0 ? 0 : Date.now() + Math.min(AGAIN_MS, REST_MS * 2 ** (failures - 1));
  }

  private async reader({ studyInstanceUid }: Errand): Promise<string> {
    try {
      return string(record(await this.http.json(`/api/studies/${studyInstanceUid}/reading`))["by"]);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return "";
    }
  }

  private read(): void {
    const all = this.place === "" ? [] : this.stored();
    if (JSON.stringify(all) !== JSON.stringify(this.all.peek())) this.all.value = all;
  }

  private stored(): readonly Errand[] {
    try {
      const kept: unknown = JSON.parse(globalThis.localStorage?.getItem(this.place) ?? "[]");
      return list(kept).flatMap((one) => errandOf(one) ?? []);
    } catch {
      return []; // no text of ours
    }
  }

  private write(change: (all: readonly Errand[]) => readonly Errand[]): boolean {
    if (this.place === "") return false;
    const all = change(this.stored());
    try {
      if (all.length === 0) globalThis.localStorage?.removeItem(this.place);
      else globalThis.localStorage?.setItem(this.place, JSON.stringify(all));
    } catch {
      return false; // no room
    }
    this.all.value = all;
    return true;
  }
}

type What = Pick<Errand, "studyInstanceUid" | "kind" | "subject">;

function isOfSame(one: What, other: What): boolean {
  return one.studyInstanceUid === other.studyInstanceUid && one.kind === other.kind && one.subject === other.subject;
}

function isPassing(failure: Failure): boolean {
  return isOutOfReach(failure) || failure.status >= 500 || PASSING.has(failure.status);
}

/** Whether a body makes an object that stands until another says that it replaces it. */
function replaces(body: unknown): boolean {
  return record(body)["replaces"] !== undefined;
}

function replacing(body: unknown, made: InstanceAddress): unknown {
  const also = { series_instance_uid: made.seriesInstanceUid, sop_instance_uid: made.sopInstanceUid };
  return { ...record(body), replaces: [...list(record(body)["replaces"]), also] };
}

/** Not done again since. */
function isSame(one: Errand, other: Errand): boolean {
  return isOfSame(one, other) && one.at === other.at;
}
