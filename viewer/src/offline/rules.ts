/** What a device may keep, how much, and for how long it is shown. */

import type { WorklistStudy } from "@/model/worklistStudy";

/** Whom the copies on this device belong to, and since when nobody asked the node. */
export interface Account {
  readonly name: string;
  readonly roles: readonly string[];
  readonly version: string;
  /** How long copies are shown unused, and at all, after the node's last word; seconds. */
  readonly unusedS: number;
  readonly longestS: number;
  /** When the node last answered this account, and when copies were last used; ms since 1970. */
  readonly heardAt: number;
  readonly usedAt: number;
  /** Where the event log stood: what changed later is not in the copies. */
  readonly cursor: number;
}

/**
 * What the person said of this device: nothing is kept on it; kept as long as a session lasts that nobody uses (somebody
 * else may sit down before it); kept as long as the site allows, since it is their own.
 */
export const CHOICES = ["none", "shared", "own"] as const;
export type Choice = (typeof CHOICES)[number];

/** One study on this device. */
export interface KeptStudy {
  readonly studyInstanceUid: string;
  /** As in the worklist; undefined until the study is known. */
  readonly row: WorklistStudy | undefined;
  readonly openedAt: number;
  /** When the newest of its answers came. */
  readonly fetchedAt: number;
  readonly bytes: number;
  readonly images: number;
  /** There was no more room for it. */
  readonly full: boolean;
}

export const STUDIES_MAX = 20;
export const BYTES_MAX = 512 << 20;
const SHARE_OF_QUOTA = 0.2;
/** A clock that was put back says nothing about how long ago something was. */
const CLOCK_TOLERANCE_MS = 60_000;

/** How many bytes of copies there may be where the browser would give `quota` in all. */
export function bytesMax(quota: number | undefined): number {
  return Math.min(BYTES_MAX, Math.trunc((quota ?? 0) * SHARE_OF_QUOTA));
}

/** ms from `now` until the copies are no longer shown; 0 when they are not now. */
export function remaining(account: Account, choice: Choice, now: number): number {
  if (choice === "none") return 0;
  if (now < account.heardAt - CLOCK_TOLERANCE_MS || now < account.usedAt - CLOCK_TOLERANCE_MS) return 0;
  const atAll = account.heardAt + account.longestS * 1000 - now;
  const unused = Math.max(account.heardAt, account.usedAt) + account.unusedS * 1000 - now;
  return Math.max(0, choice === "own" ? atAll : Math.min(atAll, unused));
}

/**
 * The studies that have to go so that `coming` bytes more of `current` have room: those opened longest ago first, `current`
 * never. Undefined when there is no room even so.
 */
export function leaving(
  studies: readonly Pick<KeptStudy, "studyInstanceUid" | "openedAt" | "bytes">[],
  current: string,
  coming: number,
  most: number,
): readonly string[] | undefined {
  const others = studies.filter(({ studyInstanceUid }) => studyInstanceUid !== current).toSorted((a, b) => a.openedAt - b.openedAt);
  let bytes = studies.reduce((sum, study) => sum + study.bytes, coming);
  let count = others.length + 1;
  const gone: string[] = [];
  for (const study of others) {
    if (bytes <= most && count <= STUDIES_MAX) break;
    gone.push(study.studyInstanceUid);
    bytes -= study.bytes;
    count -= 1;
  }
  return bytes <= most ? gone : undefined;
}
