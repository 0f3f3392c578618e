/** A reader's likings, kept by nobody. */

import { signal } from "@preact/signals";

import type { Kept } from "@/model/ownHanging";

export class Likings implements Kept {
  readonly loaded = signal(true);
  private readonly values = signal<Readonly<Record<string, unknown>>>({});

  get(name: string): unknown {
    return this.values.value[name];
  }

  set(name: string, value: unknown): void {
    this.values.value = { ...this.values.peek(), [name]: value };
  }
}
