/** The page and its service worker: starting without the node, and noticing that there is a newer version. */

import { signal } from "@preact/signals";

const WORKER = "/sw.js";
const AFTER_MS = 3000; // the first picture has the link for itself
const LOOK_EVERY_MS = 3_600_000;

/** There is a newer version of the viewer than this page. */
export const newerVersion = signal(false);

let registration: ServiceWorkerRegistration | undefined;
let wantsMore = false;

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

/** A study is kept: what shows studies is kept with it. */
export function keepMore(): void {
  wantsMore = true;
  void navigator.serviceWorker?.ready.then(({ active }) => active?.postMessage("fill", {}));
}

/** Go over to the newer version. */
export function reload(): void {
  registration?.waiting?.postMessage("take over", {});
  location.reload();
}
