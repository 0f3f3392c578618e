/** What of an import outlives the page: which uploads were begun, and which files are in the archive already. */

import type { Begun } from "@/importing/batches";
import { list, record, string, strings } from "@/model/decode";

export interface Remembered {
  readonly user: string;
  readonly begun: readonly Begun[];
  /** Prints of files that need not be sent again. */
  readonly done: readonly string[];
  /** How many files were chosen. */
  readonly files: number;
}

const KEY = "suret.import";

/** Undefined when nothing was left unfinished by this user. */
export function recall(user: string): Remembered | undefined {
  let kept: unknown;
  try {
    kept = JSON.parse(globalThis.localStorage?.getItem(KEY) ?? "null");
  } catch {
    return undefined;
  }
  const found = record(kept);
  if (string(found["user"]) !== user || user === "") return undefined;
  const begun = list(found["begun"]).map((one) => {
    const upload = record(one);
    return {
      location: string(upload["location"]),
      boundary: string(upload["boundary"]),
      prints: strings(upload["prints"]),
    };
  });
  return { user, begun, done: strings(found["done"]), files: Number(found["files"]) || 0 };
}

export function remember(import_: Remembered): void {
  try {
    globalThis.localStorage?.setItem(KEY, JSON.stringify(import_));
  } catch {
    globalThis.localStorage?.removeItem(KEY); // too many files: they would all be sent again, which harms nothing
  }
}

export function forget(): void {
  globalThis.localStorage?.removeItem(KEY);
}
