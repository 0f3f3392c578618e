/** Accounts of the node: who may do what, who is signed in, how much was looked at. For administrators. */

import { signal } from "@preact/signals";

import type { Failure } from "@/dicomweb/http";
import { count, list, record, string, strings } from "@/model/decode";
import { Managed } from "@/model/managed";

export const ROLES = ["clinician", "radiologist", "technologist", "admin", "service"] as const;
export type Role = (typeof ROLES)[number];

export interface Account {
  readonly name: string;
  readonly role: string;
  readonly disabled: boolean;
  readonly mustChangePassword: boolean;
  /** Until when signing in has to wait after failed attempts; moments are ISO 8601 with zone, "" for none. */
  readonly lockedUntil: string;
  readonly createdAt: string;
  readonly signedInAt: string;
  readonly sessions: number;
  readonly tokens: number;
  /** Studies looked at in the last 30 days. */
  readonly studiesViewed: number;
}

const PATH = "/api/accounts";

export class Accounts extends Managed {
  readonly all = signal<readonly Account[]>([]);
  /** What each role may do, by the node's names of actions. */
  readonly actions = signal<Readonly<Record<string, readonly string[]>>>({});

  async load(): Promise<void> {
    await this.attempt(async () => {
      const answer = record(await this.http.json(PATH));
      this.all.value = list(answer["accounts"]).map(account);
      this.actions.value = Object.fromEntries(Object.entries(record(answer["roles"])).map(([role, actions]) => [role, strings(actions)]));
      this.loaded.value = true;
    });
  }

  /** Why the node did not make it, undefined when it did; the password is to be changed at the first sign-in. */
  async create(name: string, role: Role, password: string): Promise<Failure | undefined> {
    return this.submit("POST", PATH, { name, role, password, must_change_password: true });
  }

  async setRole(name: string, role: string): Promise<boolean> {
    return this.change("POST", this.path(name, "role"), { role });
  }

  /** To be changed at the next sign-in; the account's sessions end. */
  async setPassword(name: string, password: string): Promise<boolean> {
    return this.change("POST", this.path(name, "password"), { password });
  }

  async setDisabled(name: string, disabled: boolean): Promise<boolean> {
    return this.change("POST", this.path(name, "disabled"), { disabled });
  }

  async unlock(name: string): Promise<boolean> {
    return this.change("DELETE", this.path(name, "lock"));
  }

  async endSessions(name: string): Promise<boolean> {
    return this.change("DELETE", this.path(name, "sessions"));
  }

  async revokeTokens(name: string): Promise<boolean> {
    return this.change("DELETE", this.path(name, "tokens"));
  }

  private path(name: string, part: string): string {
    return `${PATH}/${encodeURIComponent(name)}/${part}`;
  }
}

function account(value: unknown): Account {
  const one = record(value);
  return {
    name: string(one["name"]),
    role: string(one["role"]),
    disabled: one["disabled"] === true,
    mustChangePassword: one["must_change_password"] === true,
    lockedUntil: string(one["locked_until"]),
    createdAt: string(one["created_at"]),
    signedInAt: string(one["signed_in_at"]),
    sessions: count(one["sessions"]),
    tokens: count(one["tokens"]),
    studiesViewed: count(one["studies_viewed"]),
  };
}

/** No letter or digit that is easily taken for another. */
const READABLE = "abcdefghjkmnpqrstuvwxyz23456789";
const GROUPS = 4;
const GROUP = 4;

/** A password to be told to somebody once, and changed by them: 16 readable characters in groups, about 79 bits. */
export function oneTimePassword(random: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array = (bytes) => crypto.getRandomValues(bytes)): string {
  const characters: string[] = [];
  const most = 256 - (256 % READABLE.length); // each equally likely
  while (characters.length < GROUPS * GROUP) {
    for (const byte of random(new Uint8Array(GROUPS * GROUP))) {
      if (byte < most && characters.length < GROUPS * GROUP) characters.push(READABLE.charAt(byte % READABLE.length));
    }
  }
  return Array.from({ length: GROUPS }, (_, group) => characters.slice(group * GROUP, (group + 1) * GROUP).join("")).join("-");
}
