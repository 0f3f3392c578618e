/** Who is signed in. */

import { batch, computed, signal } from "@preact/signals";

import { Failure, type Http } from "@/dicomweb/http";
import { record, string, strings } from "@/model/decode";

export interface User {
  readonly name: string;
  readonly roles: readonly string[];
}

export type SessionState =
  | { readonly kind: "unknown" }
  | { readonly kind: "unreachable"; readonly failure: Failure }
  | { readonly kind: "signed-out"; readonly ended: boolean }
  | { readonly kind: "signed-in"; readonly user: User; readonly exports: boolean; readonly version: string; readonly mustChangePassword: boolean };

/** The roles that may store, send to other archives and fetch from them. */
const STORERS: ReadonlySet<string> = new Set(["admin", "radiologist", "technologist"]);

/** The roles that read studies for a report. */
const REPORTERS: ReadonlySet<string> = new Set(["admin", "radiologist"]);

const PATH = "/api/session";

export class Session {
  readonly state = signal<SessionState>({ kind: "unknown" });
  /** Grows when somebody else may be in front of the screen: who signed out, or another name after a session that ended. */
  readonly sitting = signal(0);
  /** Called before it grows. */
  forget: () => void = () => {};
  private reader = "";

  readonly isOpen = computed(() => this.state.value.kind === "signed-in" && !this.state.value.mustChangePassword);

  /** Not known to be closed: a study is asked for while the node is still asked who is there. */
  readonly mayBeOpen = computed(() => this.isOpen.value || this.state.value.kind === "unknown");

  /** It has ended by itself: what was being read stays, covered, for the same reader. */
  readonly isInterrupted = computed(() => this.state.value.kind === "signed-out" && this.state.value.ended);

  /** Whether who is signed in may store. */
  readonly stores = computed(
    () => this.state.value.kind === "signed-in" && this.state.value.user.roles.some((role) => STORERS.has(role)),
  );

  /** Whether they say what is being read and has been. */
  readonly reports = computed(
    () => this.state.value.kind === "signed-in" && this.state.value.user.roles.some((role) => REPORTERS.has(role)),
  );

  /** Whether they may send to other archives, and look at what is on its way: the same people. */
  readonly forwards = this.stores;

  /** Whether they may take files and pictures away. */
  readonly exports = computed(() => this.state.value.kind === "signed-in" && this.state.value.exports);

  /** Of who is signed in, or was until the session ended by itself; else "". */
  get userName(): string {
    return this.reader;
  }

  constructor(private readonly http: Http) {
    http.unauthenticated = () => {
      if (this.state.value.kind === "signed-in") this.state.value = { kind: "signed-out", ended: true };
    };
  }

  /** Ask the node who the cookie stands for. */
  async resume(): Promise<void> {
    try {
      this.enter(await this.http.json(PATH));
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      if (error.status !== 401) this.state.value = { kind: "unreachable", failure: error };
      else if (this.state.value.kind !== "signed-out") this.state.value = { kind: "signed-out", ended: false };
    }
  }

  /** Notice that the session has ended; anything else the node answers, or its silence, changes nothing. */
  async check(): Promise<void> {
    try {
      await this.http.json(PATH);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
  }

  /** Raises Failure: 401 wrong name or password, 429 too many attempts. */
  async signIn(name: string, password: string): Promise<void> {
    this.enter(await this.http.json(PATH, { method: "POST", json: { name, password } }));
  }

  /** Raises Failure: 400 with the reason as its hint. */
  async changePassword(current: string, next: string): Promise<void> {
    await this.http.json(`${PATH}/password`, { method: "POST", json: { current, new: next } });
    await this.resume();
  }

  /** Whatever the node answers, this screen is left; a cookie that could not be revoked ends by its own clock. */
  async signOut(): Promise<void> {
    try {
      await this.http.json(PATH, { method: "DELETE" });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    } finally {
      this.leave();
    }
  }

  private leave(): void {
    this.forget();
    batch(() => {
      this.reader = "";
      this.sitting.value += 1;
      this.state.value = { kind: "signed-out", ended: false };
    });
  }

  private enter(answer: unknown): void {
    const body = record(answer);
    const user = record(body["user"]);
    const name = string(user["name"]);
    const isAnother = this.reader !== "" && this.reader !== name;
    if (isAnother) this.forget();
    batch(() => {
      if (isAnother) this.sitting.value += 1;
      this.reader = name;
      this.state.value = {
        kind: "signed-in",
        user: { name, roles: strings(user["roles"]) },
        exports: body["exports"] === true,
        version: string(body["version"]),
        mustChangePassword: body["must_change_password"] === true,
      };
    });
  }
}
