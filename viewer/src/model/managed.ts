/** What the node keeps and people change: loaded as a whole, and again after every change; one failure at a time. */

import { signal } from "@preact/signals";

import { Failure, type Http } from "@/dicomweb/http";

export abstract class Managed {
  readonly loaded = signal(false);
  readonly failure = signal<Failure | undefined>(undefined);

  constructor(protected readonly http: Http) {}

  abstract load(): Promise<void>;

  /** Whether the node took the change; what is shown is then as it left it. */
  protected async change(method: "POST" | "DELETE", path: string, json?: unknown): Promise<boolean> {
    const done = await this.attempt(() => this.http.json(path, { method, json }));
    if (done) await this.load();
    return done;
  }

  /** Whether `work` went through; else `failure` says why. */
  protected async attempt(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      this.failure.value = undefined;
      return true;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.failure.value = error;
      return false;
    }
  }
}
