/** The page and its service worker: starting without the node, and noticing that there is a newer version. */

import { signal } from "@preact/signals";

import { untilIdle } from "@/dicomweb/traffic";

const WORKER = "/sw.js";
const AFTER_MS = 3000; // the first picture has the link for itself
const LOOK_EVERY_MS = 3_600_000;
const PATIENCE_MS = 120_000; // for one file, over a thin link

/** There is a newer version of the viewer than this page. */
export const newerVersion = signal(false);

let registration: ServiceWorkerRegistration | undefined;
let wantsMore = false;
let filling: Promise<void> | undefined;

/** Begin, once the page is through with what it shows first. */
export function install(): void {
  if (!("serviceWorker" in navigator) || import.meta.env.DEV) return;
  navigator.serviceWorker.addEventListener("message", ({ data }) => {
    if (data === "newer") newerVersion.value = true;
  });
  if (document.readyState === "complete") begin();
  else globalThis.addEventListener("load", begin, { once: true });
}

function begin(): void {
  setTimeout(() => void register(), AFTER_MS);
}

async function register(): Promise<void> {
  try {
    registration = await navigator.serviceWorker.register(WORKER, { updateViaCache: "none" });
  } catch {
    return; // no HTTPS, or the browser forbids it: the page needs the node as it always did
  }
  compare(registration.waiting);
  registration.addEventListener("updatefound", () => {
    const coming = registration?.installing;
    coming?.addEventListener("statechange", () => {
      if (coming.state === "installed" && navigator.serviceWorker.controller) compare(coming);
    });
  });
  setInterval(lookForNewer, LOOK_EVERY_MS);
  if (wantsMore) keepMore();
}

function compare(waiting: ServiceWorker | null): void {
  const script = document.querySelector<HTMLScriptElement>("script[type=module][src]");
  if (script) waiting?.postMessage(new URL(script.src).pathname, {});
}

/** The node is back, or much time has passed. */
export function lookForNewer(): void {
  void registration?.update().catch(() => {});
}

/** A study is kept: what shows studies is kept with it. What the browser has costs nothing; the rest waits for an idle link. */
export function keepMore(): void {
  wantsMore = true;
  filling ??= navigator.serviceWorker?.ready.then(fill).finally(() => {
    filling = undefined;
  });
}

async function fill({ active }: ServiceWorkerRegistration): Promise<void> {
  if (!active) return;
  for (let more = await tell(active, "fill at no cost"); more; more = await tell(active, "fill in one")) await untilIdle();
}

/** Whether there is more to be kept, as the service worker answers; false when it does not. */
function tell(worker: ServiceWorker, what: string): Promise<boolean> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    const given = setTimeout(() => resolve(false), PATIENCE_MS);
    port1.addEventListener("message", ({ data }) => {
      clearTimeout(given);
      port1.close();
      resolve(data === true);
    });
    port1.start();
    worker.postMessage(what, [port2]);
  });
}

/** Go over to the newer version. */
export function reload(): void {
  registration?.waiting?.postMessage("take over", {});
  location.reload();
}
