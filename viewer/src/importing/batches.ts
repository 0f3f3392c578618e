/** Files put together for one upload: a series of a thousand slices is some ten uploads, not a thousand. */

import { printOf, type Picked } from "@/importing/files";

export interface Batch {
  /** What the node is told that the body is. */
  readonly contentType: string;
  readonly body: Blob;
  readonly members: readonly Member[];
}

export interface Member {
  readonly picked: Picked;
  /** Bytes of the body before the file, and at its end. */
  readonly start: number;
  readonly end: number;
}

export const BATCH_BYTES = 32 << 20;
export const BATCH_FILES = 200;

/** DICOM files in the order they were found; one that is large goes alone. */
export function grouped(files: readonly Picked[]): Picked[][] {
  const groups: Picked[][] = [];
  let group: Picked[] = [];
  let bytes = 0;
  for (const picked of files) {
    const size = picked.file.size;
    if (group.length > 0 && (bytes + size > BATCH_BYTES || group.length >= BATCH_FILES)) {
      groups.push(group);
      [group, bytes] = [[], 0];
    }
    group.push(picked);
    bytes += size;
  }
  return group.length > 0 ? [...groups, group] : groups;
}

/** Bytes that stand in no file but by a chance of one in 2^128. */
export function newBoundary(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The same files with the same boundary are the same bytes: so an upload goes on after the page was closed. */
export function multipart(files: readonly Picked[], boundary: string): Batch {
  const parts: BlobPart[] = [];
  const members: Member[] = [];
  let length = 0;
  for (const picked of files) {
    const head = `\r\n--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`;
    const start = length + head.length;
    length = start + picked.file.size;
    parts.push(head, picked.file);
    members.push({ picked, start, end: length });
  }
  parts.push(`\r\n--${boundary}--\r\n`);
  const contentType = `multipart/related; type="application/dicom"; boundary=${boundary}`;
  return { contentType, body: new Blob(parts), members };
}

export function zip(picked: Picked): Batch {
  return { contentType: "application/zip", body: picked.file, members: [{ picked, start: 0, end: picked.file.size }] };
}

/** An upload that another visit to the page began. */
export interface Begun {
  readonly location: string;
  /** "" for a ZIP. */
  readonly boundary: string;
  readonly prints: readonly string[];
}

/** The begun uploads whose files are all here again, with these; a file is used once. */
export function matched(begun: readonly Begun[], files: readonly Picked[]): Map<Begun, Picked[]> {
  const byPrint = new Map<string, Picked[]>();
  for (const picked of files) {
    const print = printOf(picked.file);
    byPrint.set(print, [...(byPrint.get(print) ?? []), picked]);
  }
  const found = new Map<Begun, Picked[]>();
  for (const one of begun) {
    const used = new Map<string, number>();
    const members = one.prints.map((print) => {
      const place = used.get(print) ?? 0;
      used.set(print, place + 1);
      return byPrint.get(print)?.[place];
    });
    if (!members.every((member) => member !== undefined)) continue;
    found.set(one, members);
    for (const [print, count] of used) byPrint.set(print, (byPrint.get(print) ?? []).slice(count));
  }
  return found;
}
