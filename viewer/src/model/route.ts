/** Which screen the address asks for. Only UIDs are taken from it; in the fragment they stay out of servers' logs. */

import { signal, type ReadonlySignal } from "@preact/signals";

import { isUid } from "@/dicomweb/client";
import { keepLayers } from "@/model/layers";

export type Route =
  | { readonly screen: "worklist" }
  | { readonly screen: "devices" }
  | { readonly screen: "display" }
  | { readonly screen: "settings" }
  | { readonly screen: "accounts" }
  /** With the study that is to be sent, where one is. */
  | { readonly screen: "queue"; readonly studyInstanceUid: string }
  | { readonly screen: "study"; readonly studyInstanceUid: string };

const STUDY = /^#\/study\/([^?]+)(?:\?beside=([^?]+))?$/;
const SENT = /^#\/queue\/(.+)$/;

export function parseRoute(hash: string): Route {
  if (hash === DEVICES_LINK) return { screen: "devices" };
  if (hash === DISPLAY_LINK) return { screen: "display" };
  if (hash === SETTINGS_LINK) return { screen: "settings" };
  if (hash === ACCOUNTS_LINK) return { screen: "accounts" };
  if (hash === QUEUE_LINK) return { screen: "queue", studyInstanceUid: "" };
  const sent = SENT.exec(hash)?.[1] ?? "";
  if (isUid(sent)) return { screen: "queue", studyInstanceUid: sent };
  const studyInstanceUid = STUDY.exec(hash)?.[1] ?? "";
  return isUid(studyInstanceUid) ? { screen: "study", studyInstanceUid } : { screen: "worklist" };
}

export function studyLink(studyInstanceUid: string): string {
  return `#/study/${studyInstanceUid}`;
}

/** The study that the address wants beside the one that is opened; "" where it names none. */
export function besideOf(hash: string): string {
  const uid = STUDY.exec(hash)?.[2] ?? "";
  return isUid(uid) ? uid : "";
}

/** The address of a study with another beside it. */
export function comparisonLink(studyInstanceUid: string, beside: string): string {
  return beside === "" ? studyLink(studyInstanceUid) : `${studyLink(studyInstanceUid)}?beside=${beside}`;
}

export function sendLink(studyInstanceUid: string): string {
  return `${QUEUE_LINK}/${studyInstanceUid}`;
}

/** What of the studies is wanted; nothing said: everything. */
interface ExportChoice {
  readonly series?: readonly string[];
  readonly instance?: readonly string[];
}

/** The studies as a file of the node's. */
export function exportLink(studyInstanceUids: Iterable<string>, chosen: ExportChoice = {}): string {
  const more = Object.entries(chosen).map(([name, uids]: [string, readonly string[]]) => `&${name}=${uids.join(",")}`);
  return `/api/export?study=${[...studyInstanceUids].join(",")}${more.join("")}`;
}

export const WORKLIST_LINK = "#/";
export const DEVICES_LINK = "#/devices";
export const DISPLAY_LINK = "#/display";
export const SETTINGS_LINK = "#/settings";
export const ACCOUNTS_LINK = "#/accounts";
export const QUEUE_LINK = "#/queue";

/** Asked of every other address before it is followed; true: not now, the reader is asked first. */
export const leaving: { holds: ((hash: string) => boolean) | undefined } = { holds: undefined };

/** The address as a signal, following it for as long as the page lives. */
export function followRoute(): ReadonlySignal<Route> {
  const route = signal(parseRoute(location.hash));
  keepLayers();
  globalThis.addEventListener("hashchange", ({ oldURL }) => {
    const here = new URL(oldURL).hash; // with what the page itself wrote into it, such as a study beside
    if (location.hash === here) return;
    if (leaving.holds?.(location.hash)) {
      history.pushState(null, "", here); // the browser's Back has gone already: here is here again
      return;
    }
    route.value = parseRoute(location.hash);
  });
  return route;
}
