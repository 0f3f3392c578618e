/** Where somebody is signed in, and how they sign out everywhere else. */

import { signal } from "@preact/signals";

import { list, record, string } from "@/model/decode";
import { Managed } from "@/model/managed";

/** Moments are ISO 8601 with zone. */
export interface OwnSession {
  readonly createdAt: string;
  readonly seenAt: string;
  readonly current: boolean;
}

const PATH = "/api/sessions";

export class OwnSessions extends Managed {
  readonly all = signal<readonly OwnSession[]>([]);

  async load(): Promise<void> {
    await this.attempt(async () => {
      this.all.value = list(record(await this.http.json(PATH))["sessions"]).map((value) => {
        const one = record(value);
        return { createdAt: string(one["created_at"]), seenAt: string(one["seen_at"]), current: one["current"] === true };
      });
      this.loaded.value = true;
    });
  }

  /** Every session but this one. */
  async endOthers(): Promise<boolean> {
    return this.change("DELETE", PATH);
  }
}
