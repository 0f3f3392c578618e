/**
 * The service worker: it keeps the viewer's own files, so that the page opens without the node, and nothing else. The page
 * itself is always asked of the node first; scripts and styles have their content in their names and are never out of
 * date. A new version's files come whole into a place of their own, or not at all.
 */

interface Lasting extends Event {
  waitUntil(work: Promise<unknown>): void;
}

interface Installing extends Lasting {
  addRoutes?(rules: readonly object[]): Promise<void>;
}

interface Fetching extends Lasting {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}

interface Hearing extends Lasting {
  readonly data: unknown;
  readonly source: { postMessage(message: unknown): void } | null;
  readonly ports: readonly MessagePort[];
}

interface Worker {
  readonly location: Location;
  readonly clients: { claim(): Promise<void>; matchAll(options: object): Promise<readonly unknown[]> };
  skipWaiting(): Promise<void>;
  addEventListener(name: "install", react: (event: Installing) => void): void;
  addEventListener(name: "activate", react: (event: Lasting) => void): void;
  addEventListener(name: "fetch", react: (event: Fetching) => void): void;
  addEventListener(name: "message", react: (event: Hearing) => void): void;
}

/** The files of this version, written in by the build. */
interface Files {
  readonly version: string;
  /** The page's script: what a page that is open is known by. */
  readonly entry: string;
  /** Without these the page does not open. */
  readonly shell: readonly string[];
  /** What studies need besides; kept when somebody has read one. */
  readonly more: readonly string[];
}

declare const SURET_FILES: Files;

const worker = globalThis as unknown as Worker;
const { version, entry, shell, more } = SURET_FILES;
const PLACE = "suret-shell-";
const OWN = PLACE + version;
const PAGE = "/";
/** A network that says nothing for so long is taken to be none. */
const PATIENCE_MS = 10_000;
/** What the node and programs answer to is asked past this worker. */
const PAST = ["/dicom-web*", "/api/*", "/ws*", "/ai/*", "/livez", "/readyz", "/metrics"];
const ABSENT = new Set([502, 504]);
/** What is large and rare here is kept once it was used. */
const LASTING = ["/assets/", "/pdf/"];

worker.addEventListener("install", (event) => {
  const routes = PAST.map((pathname) => ({ condition: { urlPattern: { pathname } }, source: "network" }));
  event.waitUntil(Promise.all([fill([PAGE, ...shell]), event.addRoutes?.(routes).catch(() => {})]));
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(activate());
});

worker.addEventListener("message", (event) => {
  if (event.data === "fill at no cost") event.waitUntil(answer(event, takeStored()));
  else if (event.data === "fill in one") event.waitUntil(answer(event, fillInOne()));
  else if (event.data === "take over") event.waitUntil(worker.skipWaiting());
  else if (typeof event.data === "string") event.waitUntil(compare(event, event.data));
});

worker.addEventListener("fetch", (event) => {
  const { method, mode, url } = event.request;
  const { origin, pathname } = new URL(url);
  if (method !== "GET" || origin !== worker.location.origin) return;
  if (mode === "navigate") {
    if (pathname === PAGE || pathname === "/index.html") event.respondWith(page(event.request));
  } else if (LASTING.some((place) => pathname.startsWith(place)) || shell.includes(pathname)) event.respondWith(file(event.request, pathname));
});

async function activate(): Promise<void> {
  for (const name of await caches.keys()) if (name.startsWith(PLACE) && name !== OWN) await caches.delete(name);
  await worker.clients.claim();
}

/** The page `script` asks whether it is of this version; when it is, and nobody looks at an older one, there is no reason to wait. */
async function compare(event: Hearing, script: string): Promise<void> {
  if (script !== entry) event.source?.postMessage("newer");
  else if ((await worker.clients.matchAll({ includeUncontrolled: true })).length === 1) await worker.skipWaiting();
}

/** Tells the page whether there is more to be kept; what failed goes on at the next study. */
async function answer(event: Hearing, work: Promise<boolean>): Promise<void> {
  event.ports[0]?.postMessage(await work.catch(() => false));
}

async function lacking(): Promise<readonly string[]> {
  const own = await caches.open(OWN);
  const kept = new Set((await own.keys()).map(({ url }) => new URL(url).pathname));
  return more.filter((path) => !kept.has(path));
}

/** Keep what the browser has stored anyway; whether anything is left. */
async function takeStored(): Promise<boolean> {
  const own = await caches.open(OWN);
  for (const path of await lacking()) {
    const stored = await fetch(path, { cache: "only-if-cached", mode: "same-origin" }).catch(() => undefined);
    if (stored?.ok) await own.put(path, stored);
  }
  return (await lacking()).length > 0;
}

/** Fetch and keep one of those that are left; whether there are others. Rejects when it cannot be had. */
async function fillInOne(): Promise<boolean> {
  const [next, ...others] = await lacking();
  if (next !== undefined) await fill([next]);
  return others.length > 0;
}

/** Rejects when one of them cannot be had; what came before it stays for the next attempt. */
async function fill(paths: readonly string[]): Promise<void> {
  const own = await caches.open(OWN);
  for (const path of paths) {
    if (path !== PAGE && (await own.match(path, { ignoreVary: true }))) continue;
    const answer = await fetch(path, { cache: path.startsWith("/assets/") ? "default" : "no-cache", credentials: "same-origin" });
    if (!answer.ok) throw new TypeError(`${path} was not to be had`);
    if (path === PAGE && !(await answer.clone().text()).includes(entry)) throw new TypeError("the page is of another version");
    await own.put(path, answer);
  }
}

async function page(request: Request): Promise<Response> {
  const kept = await caches.match(PAGE, { cacheName: OWN, ignoreVary: true });
  const asked = fetch(request);
  if (!kept) return asked;
  asked.catch(() => {}); // it may fail when nobody waits for it any more
  let timer: ReturnType<typeof setTimeout> | undefined;
  const patience = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), PATIENCE_MS);
  });
  try {
    const answer = await Promise.race([asked, patience]);
    return answer && !ABSENT.has(answer.status) ? answer : kept;
  } catch {
    return kept;
  } finally {
    clearTimeout(timer);
  }
}

async function file(request: Request, pathname: string): Promise<Response> {
  const kept = await caches.match(pathname, { cacheName: OWN, ignoreVary: true });
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) await (await caches.open(OWN)).put(pathname, answer.clone());
  return answer;
}
