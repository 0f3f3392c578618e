/** Who is signed in. */

import { batch, computed, signal } from "@preact/signals";

import { Failure, isOutOfReach, type Http } from "@/dicomweb/http";
import { SESSION_PATH as PATH } from "@/early/answers";
import { count, record, string, strings } from "@/model/decode";

export interface User {
  readonly name: string;
  readonly roles: readonly string[];
}

export type SessionState =
  | { readonly kind: "unknown" }
  | { readonly kind: "unreachable"; readonly failure: Failure }
  | { readonly kind: "signed-out"; readonly ended: boolean }
  | SignedIn;

export interface SignedIn {
  readonly kind: "signed-in";
  readonly user: User;
  readonly exports: boolean;
  readonly version: string;
  readonly mustChangePassword: boolean;
  /** How long copies on this device may be shown; undefined while only they say who is here, and the node was not asked. */
  readonly allowance: { readonly unusedS: number; readonly longestS: number } | undefined;
}

/** Who was here last and may go on with the copies on this device; undefined when nobody may. */
export type Owner = () => Promise<{ readonly name: string; readonly roles: readonly string[]; readonly version: string } | undefined>;

/** The roles that may store, send to other archives and fetch from them. */
const STORERS: ReadonlySet<string> = new Set(["admin", "radiologist", "technologist"]);

/** The roles that read studies for a report. */
const REPORTERS: ReadonlySet<string> = new Set(["admin", "radiologist"]);

const PATIENCE_MS = 8000; // on a dead line nothing would be said for minutes
/** Somebody signed out while the node was out of reach: their session is ended there before anything else is asked. */
const LEFT = "suret.left";

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

  /** Whether they may take studies out of sight and bring them back. */
  readonly deletes = computed(() => this.state.value.kind === "signed-in" && this.state.value.user.roles.includes("admin"));

  /** Whether they may reject images and series by a note, and bring those back: the same people as store. */
  readonly rejects = this.stores;

  /** Whether they may correct what studies say: the same people as store. */
  readonly corrects = this.stores;

  /** Whether they may merge patients: the same people as delete. */
  readonly merges = this.deletes;

  /** Whether they may send to other archives, and look at what is on its way: the same people. */
  readonly forwards = this.stores;

  /** Whether they may take files and pictures away. */
  readonly exports = computed(() => this.state.value.kind === "signed-in" && this.state.value.exports);

  /** Of who is signed in, or was until the session ended by itself; else "". */
  get userName(): string {
    return this.reader;
  }

  constructor(
    private readonly http: Http,
    private readonly owner: Owner = () => Promise.resolve(undefined),
  ) {
    http.unauthenticated = () => this.end();
  }

  /** Ask the node who the cookie stands for. */
  async resume(): Promise<void> {
    try {
      if (globalThis.localStorage?.getItem(LEFT)) await this.endLeft();
      const answer = await this.http.json(PATH, { signal: AbortSignal.timeout(PATIENCE_MS) });
      if (isNobody(answer)) this.nobody();
      else this.enter(answer);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      if (isOutOfReach(error)) await this.goOn(error);
      else if (error.status !== 401) this.state.value = { kind: "unreachable", failure: error };
      else this.nobody();
    }
  }

  /** The node says that nobody is signed in, or no longer. */
  private nobody(): void {
    this.end();
    if (this.state.peek().kind !== "signed-out") this.state.value = { kind: "signed-out", ended: false };
  }

  /** Without the node: with what this device has of whoever was here. */
  private async goOn(failure: Failure): Promise<void> {
    if (this.state.peek().kind === "signed-in") return;
    const owner = await this.owner();
    if (owner) this.reader = owner.name;
    this.state.value = owner
      ? { kind: "signed-in", user: owner, exports: false, version: owner.version, mustChangePassword: false, allowance: undefined }
      : { kind: "unreachable", failure };
  }

  private async endLeft(): Promise<void> {
    try {
      await this.http.json(PATH, { method: "DELETE" });
    } catch (error) {
      if (!(error instanceof Failure) || error.status !== 401) throw error;
    }
    globalThis.localStorage?.removeItem(LEFT);
  }

  /** It has ended by itself: the node says so, or nobody used this page for too long while the node was out of reach. */
  end(): void {
    if (this.state.peek().kind === "signed-in") this.state.value = { kind: "signed-out", ended: true };
  }

  /** Notice that the session has ended; anything else the node answers, or its silence, changes nothing. */
  async check(): Promise<void> {
    try {
      if (isNobody(await this.http.json(PATH))) this.end();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
  }

  /** Raises Failure: 401 wrong name or password, 429 too many attempts. */
  async signIn(name: string, password: string): Promise<void> {
    this.enter(await this.http.json(PATH, { method: "POST", json: { name, password } }));
    globalThis.localStorage?.removeItem(LEFT); // the node ended the session before
  }

  /** Raises Failure: 400 with the reason as its hint. */
  async changePassword(current: string, next: string): Promise<void> {
    await this.http.json(`${PATH}/password`, { method: "POST", json: { current, new: next } });
    await this.resume();
  }

  /** Whatever the node answers, this screen is left; a session that could not be ended is, as soon as the node is there. */
  async signOut(): Promise<void> {
    try {
      await this.http.json(PATH, { method: "DELETE", signal: AbortSignal.timeout(PATIENCE_MS) });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      if (isOutOfReach(error)) globalThis.localStorage?.setItem(LEFT, "1");
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
    const offline = record(body["offline"]);
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
        allowance: { unusedS: count(offline["unused_s"]), longestS: count(offline["longest_s"]) },
      };
    });
  }
}

function isNobody(answer: unknown): boolean {
  return record(answer)["user"] === null;
}
