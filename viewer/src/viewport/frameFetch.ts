/** Fetches frames over the link: what the reader looks at first, the rest when there is room; what nobody waits for is given up. */

import { failureOf } from "@/dicomweb/http";
import { copyOf, keepCopy, keyOf, reach, reachable, type Copy } from "@/dicomweb/reach";
import { measuredAt } from "@/viewport/link";

const AT_ONCE = 6; // connections which a browser opens to one host
const AHEAD_AT_ONCE = 3; // the rest is kept free for the image the reader asks for

export interface Fetched {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
  /** Of the whole, where a part was asked for; else as many as came. */
  readonly total: number;
  /** The whole from this device, whatever was asked for. */
  readonly kept?: boolean;
}

export interface Wish {
  readonly path: string;
  readonly accept: string;
  /** First byte, and the last (inclusive) where it is bounded. */
  readonly range?: readonly [number, number?];
  readonly signal: AbortSignal;
  urgent: boolean;
  /** So many bytes of so many are here; 0 of them when the node does not say. */
  progress?(received: number, total: number): void;
}

interface Waiting {
  readonly wish: Wish;
  readonly settle: (fetched: Promise<Fetched>) => void;
}

const waiting: Waiting[] = [];
let urgentRunning = 0;
let aheadRunning = 0;

/** A frame is kept whole under one key, in whichever syntax it came; what came of it first, under another. */
const WHOLE = "stored";
const BEGINNING = "beginning";

/** Keep a frame on this device; `level` above 0: its first resolutions only, which are short of so many. */
export function keepFrame(path: string, bytes: Uint8Array<ArrayBuffer>, contentType: string, level = 0): void {
  const copy = { bytes, type: contentType, note: level > 0 ? String(level) : "" };
  keepCopy(path, keyOf(path, level > 0 ? BEGINNING : WHOLE), copy);
}

/** The beginning of a frame of which this device has no more while the node is out of reach. */
export async function keptBeginning(path: string): Promise<{ readonly fetched: Fetched; readonly level: number } | undefined> {
  if (reachable.peek() || (await copyOf(keyOf(path, WHOLE)))) return undefined;
  const copy = await copyOf(keyOf(path, BEGINNING));
  return copy && { fetched: ofCopy(copy), level: Number(copy.note) };
}

function ofCopy({ bytes, type }: Copy): Fetched {
  return { bytes, contentType: type, total: bytes.length, kept: true };
}

async function keptWhole(path: string): Promise<Fetched | undefined> {
  const copy = await copyOf(keyOf(path, WHOLE));
  return copy && ofCopy(copy);
}

/** Rejects with Failure, AbortError, or TypeError where the network failed. */
export function fetchFrame(wish: Wish): Promise<Fetched> {
  return new Promise((resolve, reject) => {
    const one: Waiting = { wish, settle: resolve };
    wish.signal.addEventListener("abort", () => {
      const at = waiting.indexOf(one);
      if (at >= 0) waiting.splice(at, 1);
      reject(wish.signal.reason as Error);
    });
    waiting.push(one);
    pump();
  });
}

/** Look again at who comes next: a wish became urgent. */
export function pump(): void {
  for (;;) {
    const next = waiting.findIndex(({ wish }) => wish.urgent);
    const room = urgentRunning + aheadRunning < AT_ONCE;
    const at = next >= 0 ? next : urgentRunning === 0 && aheadRunning < AHEAD_AT_ONCE ? 0 : -1;
    const one = at >= 0 && room ? waiting.splice(at, 1)[0] : undefined;
    if (!one) return;
    void run(one);
  }
}

async function run({ wish, settle }: Waiting): Promise<void> {
  const { urgent } = wish;
  if (urgent) urgentRunning += 1;
  else aheadRunning += 1;
  const fetched = receive(wish);
  settle(fetched);
  await fetched.catch(() => {}); // told to whoever asked
  if (urgent) urgentRunning -= 1;
  else aheadRunning -= 1;
  pump();
}

async function receive(wish: Wish): Promise<Fetched> {
  const kept = await keptWhole(wish.path); // while the node is out of reach
  if (kept) return kept;
  try {
    return await received(wish);
  } catch (error) {
    const instead = wish.signal.aborted ? undefined : await keptWhole(wish.path);
    if (instead) return instead;
    throw error;
  }
}

async function received({ path, accept, range, signal, progress }: Wish): Promise<Fetched> {
  const headers: Record<string, string> = { Accept: accept };
  if (range) headers["Range"] = `bytes=${range[0]}-${range[1] ?? ""}`;
  const answer = await reach(path, { headers, credentials: "same-origin", signal }, false);
  if (!answer.ok || !answer.body) throw await failureOf(answer);
  const started = performance.now();
  const length = Number(answer.headers.get("Content-Length")) || 0;
  const parts: Uint8Array[] = [];
  let received = 0;
  for (const reader = answer.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    received += value.length;
    progress?.(received, length);
  }
  measuredAt(answer.url, received, performance.now() - started);
  const whole = Number(answer.headers.get("Content-Range")?.split("/")[1]);
  const total = answer.status === 206 && whole > 0 ? whole : received;
  return { bytes: joined(parts, received), contentType: answer.headers.get("Content-Type") ?? "", total };
}

export function joined(parts: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
