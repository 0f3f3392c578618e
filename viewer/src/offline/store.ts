/** Copies of studies in the browser's database. One transaction holds what belongs together; without an account nothing is kept. */

import type { Copy } from "@/dicomweb/reach";
import type { WorklistStudy } from "@/model/worklistStudy";
import { leaving, type Account, type KeptStudy } from "@/offline/rules";

const NAME = "suret-offline";
const VERSION = 1;
const ACCOUNT = "account";
const STUDIES = "studies";
const COPIES = "copies";
const BY_STUDY = "study";
const ONE = "one";

/** One answer that is to be kept. */
export interface Item {
  readonly key: string;
  readonly copy: Copy;
  /** It is one image, whole: what is counted, and never changes. */
  readonly image: boolean;
}

interface Row extends Copy {
  readonly key: string;
  readonly study: string;
  readonly size: number;
}

function done<Result>(request: IDBRequest<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error ?? new Error("the browser's database failed")));
  });
}

function committed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (): void => reject(transaction.error ?? new Error("the browser's database failed"));
    transaction.addEventListener("complete", () => resolve());
    transaction.addEventListener("abort", fail);
    transaction.addEventListener("error", fail);
  });
}

function opened(): Promise<IDBDatabase> {
  const request = indexedDB.open(NAME, VERSION);
  request.addEventListener("upgradeneeded", () => {
    request.result.createObjectStore(ACCOUNT);
    request.result.createObjectStore(STUDIES, { keyPath: "studyInstanceUid" });
    request.result.createObjectStore(COPIES, { keyPath: "key" }).createIndex(BY_STUDY, "study");
  });
  return done(request);
}

export class Store {
  private constructor(private readonly database: IDBDatabase) {
    database.addEventListener("versionchange", () => database.close());
  }

  /** Rejects where the browser has no database for this page (some have none in private windows). */
  static async open(): Promise<Store> {
    return new Store(await opened());
  }

  async account(): Promise<Account | undefined> {
    return done(this.database.transaction(ACCOUNT).objectStore(ACCOUNT).get(ONE)) as Promise<Account | undefined>;
  }

  /** The copies are this account's from now on; somebody else's are gone. */
  async claim(account: Account): Promise<void> {
    const transaction = this.writing();
    const before = (await done(transaction.objectStore(ACCOUNT).get(ONE))) as Account | undefined;
    if (before && before.name !== account.name) this.empty(transaction);
    transaction.objectStore(ACCOUNT).put(account, ONE);
    await committed(transaction);
  }

  /** Change what is known of the account; nothing happens when it is no longer its owner. */
  async amend(name: string, change: Partial<Account>): Promise<void> {
    const transaction = this.database.transaction(ACCOUNT, "readwrite");
    const place = transaction.objectStore(ACCOUNT);
    const account = (await done(place.get(ONE))) as Account | undefined;
    if (account?.name === name) place.put({ ...account, ...change }, ONE);
    await committed(transaction);
  }

  /** Newest first. */
  async studies(): Promise<readonly KeptStudy[]> {
    const all = (await done(this.database.transaction(STUDIES).objectStore(STUDIES).getAll())) as KeptStudy[];
    return all.toSorted((a, b) => b.openedAt - a.openedAt);
  }

  /** The study was opened: there is a place for its copies, and its row is the newest. */
  async begin(name: string, studyInstanceUid: string, row: WorklistStudy | undefined, at: number): Promise<void> {
    const transaction = this.writing();
    if (await this.isOwner(transaction, name)) {
      const place = transaction.objectStore(STUDIES);
      const before = (await done(place.get(studyInstanceUid))) as KeptStudy | undefined;
      const fresh = { studyInstanceUid, fetchedAt: 0, bytes: 0, images: 0, full: false };
      place.put({ ...fresh, ...before, row: row ?? before?.row, openedAt: at });
    }
    await committed(transaction);
  }

  /** Keep answers of a study that was begun, at most `most` bytes with everything else; the oldest studies make room. */
  async put(name: string, studyInstanceUid: string, items: readonly Item[], most: number, at: number): Promise<void> {
    const transaction = this.writing();
    const place = transaction.objectStore(STUDIES);
    const studies = (await done(place.getAll())) as KeptStudy[];
    const study = studies.find((one) => one.studyInstanceUid === studyInstanceUid);
    if (study && (await this.isOwner(transaction, name))) {
      let { bytes, images, full } = study;
      const copies = transaction.objectStore(COPIES);
      for (const { key, copy, image } of items) {
        const before = await this.sizeOf(copies, key, image);
        if (before !== undefined && image) continue;
        const size = copy.bytes.byteLength;
        const others = studies.map((one) => (one === study ? { ...one, bytes: bytes - (before ?? 0) } : one));
        const gone = leaving(others, studyInstanceUid, size, most);
        if (!gone) {
          full = true;
          continue;
        }
        for (const uid of gone) {
          await this.erase(transaction, uid);
          studies.splice(studies.findIndex((one) => one.studyInstanceUid === uid), 1);
        }
        copies.put({ ...copy, key, study: studyInstanceUid, size } satisfies Row);
        bytes += size - (before ?? 0);
        if (image && before === undefined) images += 1;
      }
      place.put({ ...study, bytes, images, full, fetchedAt: at });
    }
    await committed(transaction);
  }

  async find(key: string): Promise<Copy | undefined> {
    return done(this.database.transaction(COPIES).objectStore(COPIES).get(key)) as Promise<Copy | undefined>;
  }

  async remove(studyInstanceUids: Iterable<string>): Promise<void> {
    const transaction = this.writing();
    for (const uid of studyInstanceUids) await this.erase(transaction, uid);
    await committed(transaction);
  }

  /** Every study; the account stays. */
  async removeAll(): Promise<void> {
    const transaction = this.writing();
    for (const name of [STUDIES, COPIES]) transaction.objectStore(name).clear();
    await committed(transaction);
  }

  /** Nothing of anybody stays, and whatever is still to be kept is not. */
  async wipe(): Promise<void> {
    const transaction = this.writing();
    this.empty(transaction);
    await committed(transaction);
  }

  private writing(): IDBTransaction {
    return this.database.transaction([ACCOUNT, STUDIES, COPIES], "readwrite");
  }

  private empty(transaction: IDBTransaction): void {
    for (const name of [ACCOUNT, STUDIES, COPIES]) transaction.objectStore(name).clear();
  }

  private async isOwner(transaction: IDBTransaction, name: string): Promise<boolean> {
    const account = (await done(transaction.objectStore(ACCOUNT).get(ONE))) as Account | undefined;
    return account?.name === name;
  }

  /** Of what is there; images are not read for it. */
  private async sizeOf(copies: IDBObjectStore, key: string, image: boolean): Promise<number | undefined> {
    if (image) return (await done(copies.getKey(key))) === undefined ? undefined : 0;
    return ((await done(copies.get(key))) as Row | undefined)?.size;
  }

  private async erase(transaction: IDBTransaction, studyInstanceUid: string): Promise<void> {
    const copies = transaction.objectStore(COPIES);
    for (const key of await done(copies.index(BY_STUDY).getAllKeys(studyInstanceUid))) copies.delete(key);
    transaction.objectStore(STUDIES).delete(studyInstanceUid);
  }
}
