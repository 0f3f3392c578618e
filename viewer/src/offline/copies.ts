/** Recent studies on this device: whose they are, which there are, and when they are given up. The database comes lazily. */

import { computed, signal } from "@preact/signals";

import { Failure, type Http } from "@/dicomweb/http";
import { keepWith, reach, reachable, type Copy, type Keeper } from "@/dicomweb/reach";
import { count, list, record, string } from "@/model/decode";
import type { WorklistStudy } from "@/model/worklistStudy";
import { accountMark } from "@/offline/accountMark";
import { bytesMax, CHOICES, remaining, type Account, type Choice, type KeptStudy } from "@/offline/rules";
import type { Item, Store } from "@/offline/store";

/** What the node says of an account that may keep copies. */
export interface Allowance {
  readonly unusedS: number;
  readonly longestS: number;
}

export type Person = Pick<Account, "name" | "roles" | "version">;

const CHOSEN = "suret.offline";
const IMAGE = /^(?!beginning ).* \/dicom-web\/.*\/frames\/\d+$/;
const SETTLED_MS = 1500;
const WAITING_BYTES_MAX = 64 << 20; // a disk that is slower than the link is not waited for
const HEARD_EVERY_MS = 60_000;
const USED_EVERY_MS = 30_000;
const LOOKED_AFTER_MS = 2000;
const CHANGES_PAGE = 1000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** After these a copy is no longer what the node would show. */
const CHANGING = [
  "instance.healed",
  "instance.superseded",
  "objects.deleted",
  "objects.rejected",
  "objects.restored",
  "objects.erased",
  "attributes.corrected",
  "patients.merged",
  "study.moved",
  "correction.undone",
].join(",");
/** No study has this UID: what the node answers of it is where its event log ends. */
const NO_STUDY = "2.25.0";

/** What came before it was known from where on corrections are looked for. */
interface Early {
  readonly studyInstanceUid: string;
  readonly copy: Copy;
}

export class Copies implements Keeper {
  readonly studies = signal<readonly KeptStudy[]>([]);
  readonly choice = signal<Choice>("shared");
  /** Undefined while nobody may keep anything: the site forbids it, or nobody is signed in. */
  readonly allowance = signal<Allowance | undefined>(undefined);
  /** Bytes that there may be. */
  readonly most = signal(0);
  readonly bytes = computed(() => this.studies.value.reduce((sum, { bytes }) => sum + bytes, 0));
  /** Whether the browser can keep anything and start without the node: over HTTPS, or on this machine. */
  readonly possible = "serviceWorker" in navigator && "indexedDB" in globalThis && globalThis.isSecureContext;

  private store: Promise<Store> | undefined;
  private account: Account | undefined;
  private asking: Promise<Account | undefined> | undefined;
  private current = "";
  private ready = false;
  private readonly early = new Map<string, Early>();
  private readonly waiting = new Map<string, Item[]>();
  private waitingBytes = 0;
  private settling: ReturnType<typeof setTimeout> | undefined;
  private looking: ReturnType<typeof setTimeout> | undefined;
  private ending: ReturnType<typeof setTimeout> | undefined;
  private heardTold = 0;
  private usedTold = 0;

  constructor(
    private readonly http: Http,
    /** The copies may no longer be shown, and are gone. */
    private readonly ended: () => void,
    /** Images of a study were kept: what shows them is wanted without the node, too. */
    private readonly kept: () => void,
  ) {
    if (this.possible) keepWith(this); // a study's address is opened before anybody knows who is here
  }

  /** The node said who is here: what is read from now on is kept, what changed meanwhile is not. */
  async enter(person: Person, allowed: Allowance): Promise<void> {
    if (!this.possible) return;
    this.choice.value = await chosenBy(person.name);
    this.allowance.value = allowed.longestS > 0 ? allowed : undefined;
    if (!this.keeps) return this.forget();
    await this.guarded(async (store) => {
      const before = await store.account();
      const now = Date.now();
      const cursor = before?.name === person.name ? before.cursor : 0;
      this.account = { ...person, ...allowed, heardAt: now, usedAt: now, cursor };
      await store.claim(this.account);
      this.most.value = bytesMax((await navigator.storage.estimate()).quota);
      keepWith(this);
      if (this.current) await this.opened(this.current);
      await this.look();
      this.watchEnd();
    });
  }

  /** Whose copies may be shown although the node does not answer; what may not be shown any more is gone. */
  async owner(): Promise<Person | undefined> {
    if (!this.possible || this.account) return this.account;
    this.asking ??= this.askOwner().finally(() => {
      this.asking = undefined;
    });
    return this.asking;
  }

  private async askOwner(): Promise<Account | undefined> {
    return this.guarded(async (store) => {
      const account = await store.account();
      if (!account) return undefined;
      this.choice.value = await chosenBy(account.name);
      if (remaining(account, this.choice.peek(), Date.now()) === 0) {
        await store.wipe();
        return undefined;
      }
      this.account = account;
      this.allowance.value = account;
      this.most.value = bytesMax((await navigator.storage.estimate()).quota);
      keepWith(this);
      await this.list(store);
      this.watchEnd();
      return account;
    });
  }

  /** Signed out, here or by the node: nothing of anybody stays. */
  async leave(): Promise<void> {
    this.allowance.value = undefined;
    await this.forget();
  }

  /** A study is being read; `row` is what the worklist would show of it, when that is known. */
  async opened(studyInstanceUid: string, row?: WorklistStudy): Promise<void> {
    this.current = studyInstanceUid;
    if (!this.keeps || !this.account) return;
    const { name } = this.account;
    await this.guarded((store) => store.begin(name, studyInstanceUid, row, Date.now()));
    await this.list();
  }

  async find(key: string): Promise<Copy | undefined> {
    if (!this.account) await this.owner();
    if (!this.account || remaining(this.account, this.choice.peek(), Date.now()) === 0) return undefined;
    return this.guarded((store) => store.find(key));
  }

  keep(studyInstanceUid: string, key: string, copy: Copy): void {
    if (studyInstanceUid !== this.current && !this.studies.peek().some((one) => one.studyInstanceUid === studyInstanceUid)) return;
    const image = IMAGE.test(key);
    // What can be corrected is kept once it is known from where on corrections are looked for; pixels never change.
    if (!this.ready && !image) {
      this.early.set(key, { studyInstanceUid, copy });
      return;
    }
    const size = copy.bytes.byteLength;
    if (this.waitingBytes + size > WAITING_BYTES_MAX) return;
    this.waitingBytes += size;
    const items = this.waiting.get(studyInstanceUid) ?? [];
    items.push({ key, copy, image });
    this.waiting.set(studyInstanceUid, items);
    clearTimeout(this.settling);
    this.settling = setTimeout(() => void this.write(), SETTLED_MS);
  }

  /** The node answered: the time without it begins again. */
  heard(): void {
    const now = Date.now();
    if (!this.account || now < this.heardTold + HEARD_EVERY_MS) return;
    this.heardTold = now;
    void this.amend({ heardAt: now, usedAt: now });
  }

  /** Somebody reads: as a session does, copies end when nobody uses them. */
  used(): void {
    const now = Date.now();
    if (!this.account || now < this.usedTold + USED_EVERY_MS) return;
    this.usedTold = now;
    void this.amend({ usedAt: now });
  }

  /** The node spoke of a study: was it changed? */
  touched(studyInstanceUid: string): void {
    if (!this.studies.peek().some((one) => one.studyInstanceUid === studyInstanceUid)) return;
    this.looking ??= setTimeout(() => {
      this.looking = undefined;
      void this.look();
    }, LOOKED_AFTER_MS);
  }

  async remove(studyInstanceUids: readonly string[]): Promise<void> {
    for (const uid of studyInstanceUids) this.waiting.delete(uid);
    await this.guarded((store) => store.remove(studyInstanceUids));
    await this.list();
  }

  async removeAll(): Promise<void> {
    this.waiting.clear();
    this.waitingBytes = 0;
    await this.guarded((store) => store.removeAll());
    await this.list();
  }

  /** What the person says of this device. */
  async choose(choice: Choice): Promise<void> {
    const { account, allowance } = this;
    if (!account && !allowance.peek()) return;
    this.choice.value = choice;
    const name = account?.name ?? "";
    await rememberChoice(name, choice);
    if (choice === "none") await this.removeAll();
    this.watchEnd();
  }

  /** Whether anything may be kept of who is here. */
  get keeps(): boolean {
    return this.possible && this.allowance.peek() !== undefined && this.choice.peek() !== "none";
  }

  /** Ask what was changed since the copies were made, and give those up. */
  async look(): Promise<void> {
    const { account } = this;
    if (!account) return;
    try {
      const ofEarly = new Set([...this.early.values()].map(({ studyInstanceUid }) => studyInstanceUid));
      if (!this.ready && this.current) ofEarly.add(this.current); // of which something may come while this is asked
      const [changed, ...ever] = await Promise.all([
        account.cursor > 0 ? this.changes(account.cursor) : undefined,
        ...[...(ofEarly.size > 0 ? ofEarly : [NO_STUDY])].map((uid) => this.everChanged(uid)),
      ]);
      const next = changed?.next ?? Math.min(...ever.map((one) => one.next));
      const touched = (uid: string): boolean => changed?.all === true || changed?.studies.has(uid) === true;
      const uids = (await this.guarded((store) => store.studies()))?.map(({ studyInstanceUid }) => studyInstanceUid) ?? [];
      const shown = uids.length > 0 ? await this.shown(uids) : new Set<string>();
      const stale = uids.filter((uid) => account.cursor === 0 || !shown.has(uid) || touched(uid));
      if (stale.length > 0) await this.remove(stale);
      if (this.account?.name !== account.name) return;
      await this.amend({ cursor: next });
      this.ready = true;
      if (stale.includes(this.current)) await this.opened(this.current);
      this.takeEarly(new Set(ever.filter((one) => !one.changed && !touched(one.uid)).map(({ uid }) => uid)));
    } catch (error) {
      if (!(error instanceof Failure)) throw error; // asked again when the node is back
      return;
    }
    await this.list();
  }

  /** What came of a study that nobody ever changed is as it is; what came of another is asked for again. */
  private takeEarly(unchanged: ReadonlySet<string>): void {
    for (const [key, { studyInstanceUid, copy }] of this.early) {
      const [accept = "", path = ""] = key.split(/ (?=\/)/);
      if (unchanged.has(studyInstanceUid)) this.keep(studyInstanceUid, key, copy);
      else void reach(path, { headers: { Accept: accept }, credentials: "same-origin" }).then((answer) => answer.body?.cancel(), () => {});
    }
    this.early.clear();
  }

  /** Whether a study was changed by anybody, up to `next`. */
  private async everChanged(uid: string): Promise<{ uid: string; next: number; changed: boolean }> {
    const answer = record(await this.http.json(`/api/changes?study=${uid}&kinds=${CHANGING}&limit=${CHANGES_PAGE}`));
    return { uid, next: count(answer["next"]), changed: list(answer["changes"]).length > 0 };
  }

  private async changes(after: number): Promise<{ next: number; studies: Set<string>; all: boolean }> {
    const studies = new Set<string>();
    let all = false;
    for (let cursor = after; ; ) {
      const answer = record(await this.http.json(`/api/changes?after=${cursor}&kinds=${CHANGING}&limit=${CHANGES_PAGE}`));
      const changes = list(answer["changes"]).map((one) => string(record(one)["study_instance_uid"]));
      for (const uid of changes) studies.add(uid);
      all ||= studies.has(""); // of whom is not said
      cursor = count(answer["next"]);
      if (changes.length < CHANGES_PAGE) return { next: cursor, studies, all };
    }
  }

  /** Those of them that the node still gives to this reader. */
  private async shown(uids: readonly string[]): Promise<ReadonlySet<string>> {
    const answer = await this.http.json(`/dicom-web/studies?StudyInstanceUID=${uids.join(",")}`, { accept: "application/dicom+json" });
    return new Set(list(answer).map((one) => string(list(record(record(one)["0020000D"])["Value"])[0])));
  }

  private async write(): Promise<void> {
    const { account } = this;
    const all = [...this.waiting];
    this.waiting.clear();
    this.waitingBytes = 0;
    if (!account || !this.keeps) return;
    for (const [uid, items] of all) {
      await this.guarded((store) => store.put(account.name, uid, items, this.most.peek(), Date.now()));
      if (items.some(({ image }) => image)) this.kept();
    }
    await this.list();
  }

  private async amend(change: Partial<Account>): Promise<void> {
    if (!this.account) return;
    this.account = { ...this.account, ...change };
    const { name } = this.account;
    await this.guarded((store) => store.amend(name, change));
    this.watchEnd();
  }

  /** While the node is out of reach nobody else ends what a session would have ended. */
  watchEnd(): void {
    clearTimeout(this.ending);
    const { account } = this;
    if (!account || reachable.peek()) return;
    const left = remaining(account, this.choice.peek() === "own" ? "own" : "shared", Date.now());
    if (left === 0) this.ended();
    else this.ending = setTimeout(() => this.watchEnd(), Math.min(left, LONGEST_TIMER_MS));
  }

  private async list(store?: Store): Promise<void> {
    this.studies.value = (store ? await store.studies() : await this.guarded((own) => own.studies())) ?? [];
  }

  private async forget(): Promise<void> {
    keepWith(undefined);
    this.account = undefined;
    this.ready = false;
    this.early.clear();
    this.waiting.clear();
    this.waitingBytes = 0;
    clearTimeout(this.settling);
    clearTimeout(this.looking);
    this.looking = undefined;
    clearTimeout(this.ending);
    this.studies.value = [];
    if (this.possible) await this.guarded((store) => store.wipe());
  }

  /** A database that fails keeps nothing, and stops nothing. */
  private async guarded<Result>(work: (store: Store) => Promise<Result>): Promise<Result | undefined> {
    try {
      this.store ??= import("@/offline/store").then(({ Store }) => Store.open());
      return await work(await this.store);
    } catch (error) {
      if (error instanceof Failure) throw error;
      this.store = undefined;
      return undefined;
    }
  }
}

async function chosenBy(name: string): Promise<Choice> {
  const [choice, mark] = (globalThis.localStorage?.getItem(CHOSEN) ?? "").split(" ");
  const known = CHOICES.find((one) => one === choice);
  return known && mark === (await accountMark(name)) ? known : "shared";
}

async function rememberChoice(name: string, choice: Choice): Promise<void> {
  globalThis.localStorage?.setItem(CHOSEN, `${choice} ${await accountMark(name)}`);
}

