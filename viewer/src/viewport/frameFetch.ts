/** Fetches frames over the link: what the reader looks at first, the rest when there is room; what nobody waits for is given up. */

import { failureOf } from "@/dicomweb/http";
import { copyOf, keepCopy, keyOf, reach, reachable, type Copy } from "@/dicomweb/reach";
import { onItsWay } from "@/dicomweb/traffic";
import type { Arrival } from "@/viewport/arrival";
import { measured, measuredAt, takesLong } from "@/viewport/link";

const AT_ONCE = 6; // connections which a browser opens to one host
const AHEAD_AT_ONCE = 3; // the rest is kept free for the image the reader asks for
const LONG_AT_ONCE = 1; // of those ahead that take long: the first of several is here sooner, and the others cost nothing yet
const MEASURED_EVERY_MS = 1000; // a link that became slow is not noticed at the end of a frame only

/** A frame, whole. */
export interface Fetched {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
  /** From this device. */
  readonly kept?: boolean;
}

export interface Wish {
  readonly path: string;
  readonly signal: AbortSignal;
  /** About so many bytes. */
  readonly expected: number;
  /** What has come of it. It stays when the wish is given up or has to wait, and is where the next one goes on from. */
  readonly arrival: Arrival;
  /** Somebody looks at the place where it is to be. */
  urgent: boolean;
  /** More of it has come. */
  progress?(): void;
}

interface Transfer {
  readonly wish: Wish;
  readonly settle: (fetched: Promise<Fetched> | Fetched) => void;
  /** While it is on its way: how to have it wait. */
  round?: AbortController;
}

let holding = 0;
const waiting: Transfer[] = [];
const running = new Set<Transfer>();

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
  return { bytes, contentType: type, kept: true };
}

async function keptWhole(path: string): Promise<Fetched | undefined> {
  const copy = await copyOf(keyOf(path, WHOLE));
  return copy && ofCopy(copy);
}

/** Rejects with Failure, AbortError, or TypeError where the network failed. */
export function fetchFrame(wish: Wish): Promise<Fetched> {
  return new Promise((resolve, reject) => {
    const one: Transfer = { wish, settle: resolve };
    wish.signal.addEventListener("abort", () => {
      const at = waiting.indexOf(one);
      if (at >= 0) waiting.splice(at, 1);
      one.round?.abort();
      reject(wish.signal.reason as Error);
      pump();
    });
    waiting.push(one);
    pump();
  });
}

/** Something else is looked at: what is read ahead waits until the returned function is called. */
export function holdBack(): () => void {
  holding += 1;
  pump();
  return () => {
    holding -= 1;
    pump();
  };
}

/** Look again at who comes next: a wish is new, became urgent or is over, or the link is another than it was thought to be. */
export function pump(): void {
  const urgent = holding > 0 || [...waiting, ...running].some(({ wish }) => wish.urgent);
  const long = [...running].filter(({ wish }) => !wish.urgent && takesLong(wish.expected));
  for (const one of long.slice(urgent ? 0 : LONG_AT_ONCE)) makeWait(one);
  for (let next = chosen(urgent); next; next = chosen(urgent)) {
    waiting.splice(waiting.indexOf(next), 1);
    void run(next);
  }
}

function chosen(urgent: boolean): Transfer | undefined {
  if (running.size >= AT_ONCE) return undefined;
  if (urgent) return waiting.find(({ wish }) => wish.urgent);
  const [first] = waiting;
  return first && running.size < (takesLong(first.wish.expected) ? LONG_AT_ONCE : AHEAD_AT_ONCE) ? first : undefined;
}

/** Its turn comes again; what has come of it stays. */
function makeWait(one: Transfer): void {
  running.delete(one);
  waiting.unshift(one);
  one.round?.abort();
}

async function run(one: Transfer): Promise<void> {
  const round = new AbortController();
  one.round = round;
  running.add(one);
  const ended = onItsWay();
  const { signal } = round;
  try {
    one.settle(await receive(one.wish, signal));
  } catch (error) {
    if (!signal.aborted) one.settle(Promise.reject(error as Error)); // else it waits again, or nobody waits for it
  } finally {
    if (one.round === round) running.delete(one);
    ended();
    pump();
  }
}

async function receive(wish: Wish, signal: AbortSignal): Promise<Fetched> {
  const kept = await keptWhole(wish.path); // while the node is out of reach
  if (kept) return kept;
  try {
    await come(wish, signal);
    return { bytes: wish.arrival.joined(), contentType: wish.arrival.contentType };
  } catch (error) {
    const instead = signal.aborted ? undefined : await keptWhole(wish.path);
    if (instead) return instead;
    throw error;
  }
}

/** What is still to come of it. */
async function come({ path, arrival, progress }: Wish, signal: AbortSignal): Promise<void> {
  if (arrival.isWhole) return;
  const answer = await reach(path, { headers: arrival.request(), credentials: "same-origin", signal }, false);
  if (!answer.ok || !answer.body) throw await failureOf(answer);
  arrival.begin(answer);
  let [bytes, since] = [0, performance.now()];
  for (const reader = answer.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    signal.throwIfAborted(); // the next round asks for what this one has not noted
    arrival.add(value);
    bytes += value.length;
    progress?.();
    const now = performance.now();
    if (now - since < MEASURED_EVERY_MS) continue;
    measured(bytes, now - since);
    [bytes, since] = [0, now];
    pump();
  }
  measuredAt(answer.url, bytes, performance.now() - since);
  arrival.end();
  if (!arrival.isWhole) throw new TypeError("the answer is not whole");
}
