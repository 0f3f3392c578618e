/** What the node keeps and people change: loaded as a whole, and again after every change; one failure at a time. */

import { signal } from "@preact/signals";

import { Failure, type Http } from "@/dicomweb/http";

export abstract class Managed {
  readonly loaded = signal(false);
  readonly failure = signal<Failure | undefined>(undefined);

  constructor(protected readonly http: Http) {}

  abstract load(): Promise<void>;

  /** Whether the node took the change; what is shown is then as it left it. */
  protected async change(method: "POST" | "PUT" | "DELETE", path: string, json?: unknown): Promise<boolean> {
    const done = await this.attempt(() => this.http.json(path, { method, json }));
    if (done) await this.load();
    return done;
  }

  /** As `change`, for a form, which shows what is wrong in its own fields: the refusal that is about them. */
  protected async submit(method: "POST" | "PUT", path: string, json: unknown): Promise<Failure | undefined> {
    if (await this.change(method, path, json)) return undefined;
    const refused = this.failure.peek();
    if (refused && Object.keys(refused.fields).length > 0) this.failure.value = undefined;
    return refused;
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
