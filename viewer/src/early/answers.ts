/** What was asked of the node before the page's own script was here, and what became of it. */

const QUALITY = 70;
const LONGEST = 768; // of a preview; the diagnostic image takes its place

declare global {
  /** By path, each for who asks first; laid there by the script within the page. */
  var suretEarly: Map<string, Promise<Response | undefined>> | undefined;
}

/** Where the picture is that a study opens with, as large as this screen can use: the window's size is not known yet on phones. */
export function firstPicturePath(studyInstanceUid: string): string {
  const size = Math.min(LONGEST, Math.ceil(Math.max(screen.width, screen.height) * devicePixelRatio));
  return `/api/studies/${studyInstanceUid}/first-picture?viewport=${size},${size}&quality=${QUALITY}`;
}

export const SESSION_PATH = "/api/session";

export const FIRST_PICTURE: RequestInit = { headers: { Accept: "image/jpeg" }, credentials: "same-origin" };
export const SESSION: RequestInit = { headers: { Accept: "application/json" }, credentials: "same-origin" };

/** Ask now, for who will ask later. */
export function askEarly(path: string, init: RequestInit): void {
  (globalThis.suretEarly ??= new Map()).set(path, fetch(path, init).catch(() => undefined));
}

/**
 * The answer to what was asked early, once; undefined where there is none, or a refusal, which signing in may have ended.
 * Rejects when `signal` fires.
 */
export async function earlyAnswer(path: string, signal?: AbortSignal | null): Promise<Response | undefined> {
  const asked = globalThis.suretEarly?.get(path);
  if (!asked) return undefined;
  globalThis.suretEarly?.delete(path);
  const answer = await (signal ? Promise.race([asked, fired(signal)]) : asked);
  return answer?.ok ? answer : undefined;
}

function fired(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    else signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}
