/** The way into an import: what carries it out is fetched when files are dropped or chosen for the first time. */

import { signal } from "@preact/signals";

import type { Http } from "@/dicomweb/http";
import type { ImportPart } from "@/importing";

/** Where an unfinished import is remembered (importing/remembered.ts). */
const UNFINISHED = "suret.import";

export class Importer {
  /** Set once it is here. */
  readonly part = signal<ImportPart | undefined>(undefined);
  /** It could not be fetched; to ask again is worth a try. */
  readonly failed = signal(false);

  private user = "";

  constructor(private readonly http: Http) {}

  /** `user` has signed in: what this user left unfinished is told. */
  enter(user: string): void {
    this.user = user;
    const { part } = this;
    if (part.peek() && part.peek()?.imports.user !== user) this.end();
    else if (part.peek()) part.peek()?.imports.resume();
    else if (globalThis.localStorage?.getItem(UNFINISHED)) void this.load();
  }

  /** Nobody is signed in: nothing is sent. */
  leave(): void {
    this.part.peek()?.imports.pause();
  }

  /** Open the panel where files are chosen. */
  async show(): Promise<void> {
    const part = await this.load();
    if (part) part.imports.open.value = true;
  }

  /** What was dropped. It has to be taken before the event ends. */
  async drop(transfer: DataTransfer): Promise<void> {
    const items = [...transfer.items];
    const entries = items.flatMap((item) => item.webkitGetAsEntry() ?? []);
    // a file out of another program, of an e-mail say, lies in no folder
    const loose = items.flatMap((item) => (item.webkitGetAsEntry() ? [] : (item.getAsFile() ?? [])));
    const part = await this.load();
    if (part) await part.imports.add([...(await part.walked(entries)), ...loose.map((file) => ({ path: file.name, file }))]);
  }

  private end(): void {
    this.part.peek()?.imports.close();
    this.part.value = undefined;
  }

  private async load(): Promise<ImportPart | undefined> {
    if (this.part.peek()) return this.part.peek();
    this.failed.value = false;
    try {
      const { importPart } = await import("@/importing");
      this.part.value ??= importPart(this.http, this.user);
    } catch {
      this.failed.value = true;
    }
    return this.part.peek();
  }
}
