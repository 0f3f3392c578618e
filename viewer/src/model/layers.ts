/**
 * What stands over the page: dialogs, menus, popups. The browser's Back closes the uppermost instead of leaving the page,
 * so the history has an entry for each while it stands, and none soon afterwards.
 */

/** So long is waited for what takes the place of what was closed, and for the page to be left altogether. */
const LEFT_AFTER_MS = 400;
/** A reload at that moment keeps the browser from leaving it. */
const GIVEN_UP_AFTER_MS = 2000;

interface Mark {
  readonly layers?: number;
}

/** How each is closed, the uppermost last. */
const layers: (() => void)[] = [];
let listening = false;
/** How many entries of layers lay beneath when it was last looked. */
let stood = 0;
let timer: ReturnType<typeof setTimeout> | undefined;
/** Entries are being left, which takes the browser a moment. */
let moving = false;
/** The address that is followed when they are. */
let awaited: string | undefined;
/** What the page wrote into the address above such an entry; those beneath are told when they are reached. */
let written: string | undefined;
/** The page over which they were when it was last looked. */
let page = "";

/** An address without what its page writes into it, such as a study beside. */
function pageOf(hash = location.hash): string {
  return hash.split("?")[0] ?? "";
}

function depth(): number {
  return (history.state as Mark | null)?.layers ?? 0;
}

function settle(): void {
  if (moving) return;
  stood = depth();
  page = pageOf();
  while (stood < layers.length) {
    stood += 1;
    history.pushState({ layers: stood } satisfies Mark, "");
  }
  clearTimeout(timer);
  if (stood > layers.length) timer = setTimeout(() => leave(layers.length), LEFT_AFTER_MS);
}

function leave(left: number): void {
  clearTimeout(timer);
  moving = left < depth();
  if (!moving) return;
  timer = setTimeout(() => {
    moving = false;
    go();
    settle();
  }, GIVEN_UP_AFTER_MS);
  history.go(left - depth());
}

/** To what is awaited, if anything is. */
function go(): void {
  const address = awaited;
  awaited = undefined;
  if (address !== undefined) location.hash = address;
}

function onPopState(): void {
  const isElsewhere = pageOf() !== page; // an address was typed, or a mark of the browser followed
  if (moving && isElsewhere) {
    awaited = location.hash; // the entries that are being left would take its place
    return;
  }
  const [before, own] = [stood, moving];
  stood = depth();
  moving = false;
  clearTimeout(timer);
  if (written !== undefined && pageOf(written) === pageOf()) history.replaceState(history.state, "", written);
  if (stood === 0) written = undefined;
  if (!own && stood < before) {
    const closed = layers.splice(stood);
    for (const close of closed.toReversed()) close();
    if (closed.length === 0 && !isElsewhere) history.back(); // that entry was of nothing any more: Back means the next
  }
  go();
  setTimeout(settle); // what is being closed is gone by then
}

/** A link is followed from the page's own entry: nothing that was closed stays in the history. */
function onClick(event: MouseEvent): void {
  const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>("a[href^='#']") : null;
  const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  if (!link || link.target || !isPlain || event.defaultPrevented || (!moving && depth() === 0)) return;
  event.preventDefault();
  follow(link.getAttribute("href") ?? "#/");
}

/** Begins with the page; after a reload nothing stands over it any more. */
export function keepLayers(): void {
  if (listening) return;
  listening = true;
  globalThis.addEventListener("popstate", onPopState);
  globalThis.addEventListener("hashchange", () => setTimeout(settle)); // what stands over every page stands over the next, too
  document.addEventListener("click", onClick);
  settle();
}

/** `close` is what Back does from now on; to be called when it is closed, by Back or otherwise. */
export function openLayer(close: () => void): () => void {
  layers.push(close);
  settle();
  return () => {
    const at = layers.indexOf(close);
    if (at >= 0) layers.splice(at, 1);
    settle();
  };
}

export function isUppermost(close: () => void): boolean {
  return layers.at(-1) === close;
}

/** Go to an address of the viewer. */
export function follow(hash: string): void {
  if (!moving && depth() === 0) location.hash = hash;
  else {
    awaited = hash;
    if (!moving) leave(0);
  }
}

/** Write another address of the same page, without going there. */
export function writeAddress(hash: string): void {
  if (depth() > 0) written = hash;
  history.replaceState(history.state, "", hash);
}
