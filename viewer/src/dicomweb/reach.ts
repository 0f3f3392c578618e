/**
 * The one way to the node. While it is out of reach, what this device kept of a study stands in for its answer; an answer
 * of the node's is never passed over for a copy.
 */

import { signal } from "@preact/signals";

import { onItsWay } from "@/dicomweb/traffic";
import { earlyAnswer, SESSION_PATH } from "@/early/answers";

/** An answer as it was. */
export interface Copy {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly type: string;
  /** What else belongs to it: its Content-Location, the levels that a coarse beginning is short of; "" where there is nothing. */
  readonly note: string;
}

/** Who keeps answers of studies. */
export interface Keeper {
  find(key: string): Promise<Copy | undefined>;
  keep(studyInstanceUid: string, key: string, copy: Copy): void;
  /** The node answered who is signed in. */
  heard(): void;
}

/** Whether the node answered when it was last asked. */
export const reachable = signal(true);

const SOONEST_PROBE_MS = 1000;
const LATEST_PROBE_MS = 15_000;
const PROBED = "/livez";

/** What is of one study and may be kept: its metadata, frames and pictures, and what the node says of it as a whole. */
const OF_STUDY = /^(?:\/dicom-web\/studies\/([0-9.]+)\/|\/dicom-web\/studies\?StudyInstanceUID=([0-9.]+)&|\/api\/studies\/([0-9.]+)\/(?:first-picture\?|doubt$))/;

/** A proxy says for the node that it is not there. */
const ABSENT = new Set([502, 504]);

let keeper: Keeper | undefined;
let probe: ReturnType<typeof setTimeout> | undefined;
let outage = false;

/** From now on answers are kept, and found again, by `next`. */
export function keepWith(next: Keeper | undefined): void {
  keeper = next;
}

/** Whether something of a study came from a copy, or not at all, since this was last asked. */
export function takeOutage(): boolean {
  const was = outage;
  outage = false;
  return was;
}

/** The study that a path is of; undefined where nothing of it is kept. */
export function studyOf(path: string): string | undefined {
  const found = OF_STUDY.exec(path);
  return found?.slice(1).find((uid) => uid !== undefined);
}

/** What an answer is kept under: one address may be answered in several forms. */
export function keyOf(path: string, accept: string): string {
  return `${accept} ${path}`;
}

/** What is kept under `key` while the node is out of reach. */
export async function copyOf(key: string): Promise<Copy | undefined> {
  const copy = reachable.peek() ? undefined : await keeper?.find(key);
  if (copy) outage = true;
  return copy;
}

/** Keep what was received by other ways than `reach`. */
export function keepCopy(path: string, key: string, copy: Copy): void {
  const study = studyOf(path);
  if (study !== undefined) keeper?.keep(study, key, copy);
}

/**
 * As fetch does, with `path` at the node. Rejects like fetch where there is neither node nor copy. `copies` false: whoever
 * asks keeps and finds them otherwise.
 */
export async function reach(path: string, init: RequestInit = {}, copies = true): Promise<Response> {
  const headers = new Headers(init.headers);
  const whole = copies && (init.method ?? "GET") === "GET" && studyOf(path) !== undefined;
  const key = keyOf(path, headers.get("Accept") ?? "");
  const copied = async (): Promise<Response | undefined> => {
    const copy = whole ? await copyOf(key) : undefined;
    if (isAbort(init.signal?.reason)) throw init.signal?.reason as DOMException;
    return copy && answerOf(copy);
  };
  const known = await copied(); // only while it is out of reach: on a dead line nothing would be said for minutes
  if (known) return known;
  const answer = await asked(path, init);
  if (!answer || ABSENT.has(answer.status)) {
    const kept = await copied();
    if (kept) return kept;
    if (studyOf(path) !== undefined) outage = true;
    if (!answer) throw new TypeError("the node is out of reach");
  } else if (whole && keeper && answer.status === 200) void keepAnswer(path, key, answer.clone());
  return answer;
}

/** The answer of the node or of a proxy before it; undefined when there was none. */
async function asked(path: string, init: RequestInit): Promise<Response | undefined> {
  const ended = onItsWay();
  try {
    const early = (init.method ?? "GET") === "GET" ? await earlyAnswer(path, init.signal) : undefined;
    const answer = early ?? (await fetch(path, init));
    if (ABSENT.has(answer.status)) lost();
    else found();
    if (answer.ok && path !== SESSION_PATH) keeper?.heard(); // that one is answered when nobody is signed in, too
    return answer;
  } catch (error) {
    if (isAbort(error)) throw error;
    lost();
    return undefined;
  } finally {
    ended();
  }
}

/** Its reader went away; that the time was up says that the node is out of reach. */
function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

async function keepAnswer(path: string, key: string, answer: Response): Promise<void> {
  const ended = onItsWay(); // long ones are on their way long after their first word
  try {
    const bytes = new Uint8Array(await answer.arrayBuffer());
    keepCopy(path, key, { bytes, type: answer.headers.get("Content-Type") ?? "", note: answer.headers.get("Content-Location") ?? "" });
  } catch {
    // its reader went away: half an answer is no copy
  } finally {
    ended();
  }
}

function answerOf({ bytes, type, note }: Copy): Response {
  return new Response(bytes, { headers: { "Content-Type": type, ...(note && { "Content-Location": note }) } });
}

/** The node answered. */
function found(): void {
  clearTimeout(probe);
  probe = undefined;
  reachable.value = true;
}

/** It did not: it is looked for until it does. */
export function lost(): void {
  reachable.value = false;
  if (probe === undefined) look(SOONEST_PROBE_MS);
}

function look(afterMs: number): void {
  probe = setTimeout(() => {
    fetch(PROBED, { cache: "no-store" }).then(
      (answer) => (answer.ok ? found() : look(Math.min(LATEST_PROBE_MS, 2 * afterMs))),
      () => look(Math.min(LATEST_PROBE_MS, 2 * afterMs)),
    );
  }, afterMs);
}

/** Notice at once when the device has a network again, or none. */
export function followNetwork(): void {
  globalThis.addEventListener("offline", lost);
  globalThis.addEventListener("online", () => {
    if (reachable.peek()) return;
    clearTimeout(probe);
    look(0);
  });
}
