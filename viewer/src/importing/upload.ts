/** One body on its way to the node (docs/conformance.md 2.3): begun, appended, gone on with after a lost connection. */

import { signal } from "@preact/signals";

import { Failure, isAborted } from "@/dicomweb/http";
import type { Batch } from "@/importing/batches";
import { count, list, record, string } from "@/model/decode";
import { backOff } from "@/model/live";

/** What became of one file: `reason` is that of PS3.18 I.2.2, `words` are the node's. */
export interface FileOutcome {
  readonly name: string;
  readonly outcome: "stored" | "failed" | "left_out";
  readonly words: string;
  readonly reason: number;
  readonly studyInstanceUid: string;
}

export type UploadState = "waiting" | "sending" | "offline" | "takingIn" | "done" | "refused";

/** Of the node's answers, those that another try may change; 401 when somebody has signed in again. */
const PASSING: ReadonlySet<number> = new Set([0, 401, 404, 408, 409, 429, 500, 502, 503, 504]);

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

export class Upload {
  readonly state = signal<UploadState>("waiting");
  /** Bytes of the body that the node has, or that are on their way. */
  readonly sent = signal(0);
  outcomes: readonly FileOutcome[] = [];
  /** Why nothing of it was taken, where it was refused as a whole, or what the last try came to. */
  failure: Failure | undefined;

  constructor(
    readonly batch: Batch,
    readonly boundary: string,
    /** Where it was begun; "" when it has not been. */
    public location = "",
    private readonly began: () => void = () => {},
  ) {}

  /** Resolves when it is done or refused. Rejects with AbortError when `signal` fires, and can be run again then. */
  async run(abort: AbortSignal): Promise<void> {
    for (let attempt = 0; ; ) {
      const before = this.sent.peek();
      try {
        await this.once(abort);
        return;
      } catch (error) {
        if (isAborted(error)) {
          this.state.value = "waiting";
          throw error;
        }
        if (!(error instanceof Failure)) throw error;
        this.failure = error;
        if (!PASSING.has(error.status)) {
          this.state.value = "refused";
          return;
        }
        if (this.sent.peek() > before) attempt = 0;
        this.state.value = "offline";
        await pause(error.retryAfter * 1000 || backOff(attempt, Math.random()), abort);
        attempt += 1;
      }
    }
  }

  /** The node need not keep anything of it. */
  async giveUp(): Promise<void> {
    if (this.location === "") return;
    const location = this.location;
    this.location = "";
    await ask("DELETE", location).catch(() => {}); // it goes by itself after some days
  }

  private async once(abort: AbortSignal): Promise<void> {
    const { body, contentType } = this.batch;
    let offset = 0;
    if (this.location !== "") {
      const there = await ask("GET", this.location, {}, undefined, abort);
      if (there.status === 404) this.location = "";
      else if (there.status !== 200) throw failureOf(there);
      else {
        const told = record(there.body);
        if (told["state"] === "done") return await this.finished(told);
        offset = count(told["offset"]);
      }
    }
    if (this.location === "") {
      const head = { "Content-Type": contentType, "Upload-Length": String(body.size) };
      const made = await ask("POST", "/api/uploads", head, undefined, abort);
      if (made.status !== 201) throw failureOf(made);
      this.location = made.headers.get("Location") ?? "";
      this.began();
    }
    this.sent.value = offset;
    this.state.value = offset < body.size ? "sending" : "takingIn";
    const head = { "Content-Type": "application/partial-upload", "Upload-Offset": String(offset), "Upload-Complete": "?1" };
    let partial = offset;
    const answer = await ask("PATCH", this.location, head, body.slice(offset), abort, (sent) => {
      this.sent.value = offset + sent;
      if (this.sent.peek() < body.size) partial = this.sent.peek();
      else this.state.value = "takingIn";
    }).catch((error: unknown) => {
      this.sent.value = partial; // a browser whose connection went says that all of it has gone
      throw error;
    });
    await this.afterAnswer(answer, abort);
  }

  /** Whatever the answer was, the upload itself says what has become of it. */
  private async afterAnswer(answer: Answer, abort: AbortSignal): Promise<void> {
    const there = await ask("GET", this.location, {}, undefined, abort);
    const told = record(there.body);
    if (there.status === 200 && told["state"] === "done") return await this.finished(told);
    throw failureOf(answer.status < 300 ? there : answer);
  }

  private async finished(told: Readonly<Record<string, unknown>>): Promise<void> {
    this.outcomes = list(told["files"]).map(outcomeOf);
    this.sent.value = this.batch.body.size;
    this.state.value = "done";
    await this.giveUp();
  }
}

function outcomeOf(value: unknown): FileOutcome {
  const file = record(value);
  const outcome = string(file["outcome"]);
  return {
    name: string(file["name"]),
    outcome: outcome === "stored" || outcome === "left_out" ? outcome : "failed",
    words: string(file["words"]),
    reason: count(file["failure_reason"]),
    studyInstanceUid: string(file["study_instance_uid"]),
  };
}

function failureOf({ status, headers, body }: Answer): Failure {
  const said = record(body);
  const wait = Number.parseInt(headers.get("Retry-After") ?? "", 10);
  return new Failure(status, string(said["error"]), string(said["hint"]), Number.isFinite(wait) ? wait : 0, body, string(said["code"]));
}

/** Waits so long, or until the network is back. Rejects with AbortError. */
function pause(milliseconds: number, abort: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settled = (done: () => void) => () => {
      clearTimeout(timer);
      globalThis.removeEventListener("online", onward);
      abort.removeEventListener("abort", ended);
      done();
    };
    const onward = settled(resolve);
    const ended = settled(() => reject(new DOMException("", "AbortError")));
    const timer = setTimeout(onward, milliseconds);
    globalThis.addEventListener("online", onward);
    if (abort.aborted) ended();
    else abort.addEventListener("abort", ended);
  });
}

/** By XMLHttpRequest, which alone tells how much of a body has gone. Rejects with Failure 0 where no answer comes, AbortError. */
function ask(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body?: Blob,
  abort?: AbortSignal,
  progress?: (sent: number) => void,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const stop = (): void => request.abort();
    const ended = (): void => abort?.removeEventListener("abort", stop);
    request.open(method, path);
    request.setRequestHeader("Accept", "application/json");
    if (method !== "GET") request.setRequestHeader("X-Suret", "1");
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    if (progress) request.upload.addEventListener("progress", ({ loaded }) => progress(loaded));
    request.addEventListener("load", () => {
      ended();
      const pairs = request.getAllResponseHeaders().trim().split(/[\r\n]+/);
      const given = pairs.flatMap((line): [string, string][] => {
        const at = line.indexOf(":");
        return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1).trim()]];
      });
      resolve({ status: request.status, headers: new Headers(given), body: parsed(request.responseText) });
    });
    request.addEventListener("error", () => {
      ended();
      reject(new Failure(0));
    });
    request.addEventListener("abort", () => {
      ended();
      reject(new DOMException("", "AbortError"));
    });
    if (abort?.aborted) return reject(new DOMException("", "AbortError"));
    abort?.addEventListener("abort", stop);
    request.send(body ?? null);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // a proxy's own page, or nothing
  }
}
