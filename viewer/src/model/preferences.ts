/** How this person likes the screen, kept by the node: it follows to another device. What a value means its owner knows. */

import { signal } from "@preact/signals";

import { Failure, type Http } from "@/dicomweb/http";
import { record } from "@/model/decode";

const PATH = "/api/preferences";
const KEPT_AFTER_MS = 600;

export class Preferences {
  /** Until it is true nothing is known, and nothing is kept. */
  readonly loaded = signal(false);

  private readonly values = signal<Readonly<Record<string, unknown>>>({});
  private readonly changed = new Map<string, ReturnType<typeof setTimeout>>();

  constructor(private readonly http: Http) {
    // What was liked a moment ago is not lost with the page.
    globalThis.addEventListener?.("pagehide", () => this.hurry());
  }

  /** A node that does not answer leaves everything as it comes; it is asked again at the next sign-in. */
  async load(): Promise<void> {
    try {
      this.values.value = record(record(await this.http.json(PATH))["preferences"]);
      this.loaded.value = true;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
  }

  get(name: string): unknown {
    return this.values.value[name];
  }

  /** At once here, and soon at the node. */
  set(name: string, value: unknown): void {
    if (!this.loaded.peek() || JSON.stringify(this.values.peek()[name]) === JSON.stringify(value)) return;
    this.values.value = { ...this.values.peek(), [name]: value };
    clearTimeout(this.changed.get(name));
    this.changed.set(
      name,
      setTimeout(() => void this.keep(name), KEPT_AFTER_MS),
    );
  }

  /** Somebody else may sign in: nothing of this one's is shown, or kept under the other's name. */
  forget(): void {
    for (const timer of this.changed.values()) clearTimeout(timer);
    this.changed.clear();
    this.loaded.value = false;
    this.values.value = {};
  }

  private hurry(): void {
    for (const [name, timer] of this.changed) {
      clearTimeout(timer);
      void this.keep(name, true);
    }
  }

  private async keep(name: string, keepalive = false): Promise<void> {
    this.changed.delete(name);
    try {
      await this.http.json(`${PATH}/${name}`, { method: "PUT", json: this.values.peek()[name], keepalive });
    } catch (error) {
      if (!(error instanceof Failure)) throw error; // it holds here, and is kept with the next change
    }
  }
}
