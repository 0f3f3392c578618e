/** One door to the node's HTTP. Paths only, never addresses: nothing can make the viewer talk to another host. */

import { reach } from "@/dicomweb/reach";

/** What the node, or the network, answered instead of what was asked. `status` 0: no answer at all. */
export class Failure extends Error {
  override readonly name = "Failure";

  constructor(
    readonly status: number,
    message = "",
    /** What to do about it, in the node's words; "" when it gave none. */
    readonly hint = "",
    /** Seconds to wait (Retry-After), 0 when not given. */
    readonly retryAfter = 0,
    /** The decoded JSON body, for callers that expect more in it. */
    readonly body: unknown = undefined,
    /** The reason for programs; "" when there is none. */
    readonly code = "",
    /** Reasons by the field of what was sent that each is about. */
    readonly fields: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

export interface Ask {
  readonly method?: "GET" | "POST" | "PUT" | "DELETE";
  readonly json?: unknown;
  readonly accept?: string;
  readonly signal?: AbortSignal;
  /** It is sent although the page is left. */
  readonly keepalive?: boolean;
}

/** Whether the node could not be asked: the network failed, or a proxy before it says that it is not there. */
export function isOutOfReach(failure: Failure | undefined): boolean {
  return failure !== undefined && (failure.status === 0 || failure.status === 502 || failure.status === 504);
}

/** Whether a promise was rejected because its reader went away. */
export function isAborted(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

export class Http {
  /** Called when the node says that nobody is signed in. */
  unauthenticated: () => void = () => {};

  constructor(private readonly send: (path: string, init: RequestInit) => Promise<Response> = (path, init) => reach(path, init)) {}

  /** The decoded JSON of the answer, undefined for 204. Raises Failure; AbortError when `signal` fires. */
  async json(path: string, ask: Ask = {}): Promise<unknown> {
    const answer = await this.answer(path, ask);
    if (answer.status === 204) return undefined;
    try {
      return await answer.json();
    } catch (error) {
      if (isAborted(error)) throw error;
      throw new Failure(0, "the answer is not whole");
    }
  }

  private async answer(path: string, { method = "GET", json, accept = "application/json", signal, keepalive }: Ask) {
    const headers: Record<string, string> = { Accept: accept };
    if (method !== "GET") headers["X-Suret"] = "1"; // a form of another site cannot send it
    if (json !== undefined) headers["Content-Type"] = "application/json";
    const init: RequestInit = { method, headers, credentials: "same-origin" };
    if (json !== undefined) init.body = JSON.stringify(json);
    if (signal) init.signal = signal;
    if (keepalive) init.keepalive = true;
    let answer: Response;
    try {
      answer = await this.send(path, init);
    } catch (error) {
      if (isAborted(error)) throw error;
      throw new Failure(0);
    }
    if (answer.ok) return answer;
    const failure = await failureOf(answer);
    if (failure.status === 401) this.unauthenticated();
    throw failure;
  }
}

/** The failure an answer tells of: `{"error", "hint", "code", "fields"}` where the node wrote it. */
export async function failureOf(answer: Response): Promise<Failure> {
  let body: unknown;
  try {
    body = await answer.json();
  } catch {
    body = undefined; // a proxy's own page
  }
  const parts = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const said = (key: string): string => textOf(parts[key]);
  const fields = Object.entries(parts["fields"] ?? {}).map(([field, code]) => [field, textOf(code)]);
  const wait = Number.parseInt(answer.headers.get("Retry-After") ?? "", 10);
  return new Failure(answer.status, said("error"), said("hint"), Number.isFinite(wait) ? wait : 0, body, said("code"), Object.fromEntries(fields) as Record<string, string>);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
