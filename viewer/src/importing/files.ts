/** What is dropped or chosen: folders are walked, and every file is looked at before it is sent anywhere. */

export interface Picked {
  /** With its folders, "/" between them. */
  readonly path: string;
  readonly file: File;
}

/** What the first bytes of a file say it is. */
export type Kind = "dicom" | "zip" | "dicomdir" | "archive" | "empty" | "other";

/** Every file below the entries. What cannot be read, say behind a link that leads nowhere, is left out. */
export async function walked(entries: readonly FileSystemEntry[]): Promise<Picked[]> {
  const found: Picked[] = [];
  const waiting = [...entries];
  for (let entry = waiting.shift(); entry; entry = waiting.shift()) {
    if (entry.isDirectory) waiting.push(...(await childrenOf(entry as FileSystemDirectoryEntry)));
    else {
      const file = await fileOf(entry as FileSystemFileEntry);
      if (file) found.push({ path: entry.fullPath.replace(/^\//, ""), file });
    }
  }
  return found;
}

async function childrenOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const found: FileSystemEntry[] = [];
  for (;;) {
    // A reader gives a hundred at a time, and none at the end.
    const some = await new Promise<FileSystemEntry[]>((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (some.length === 0) return found;
    found.push(...some);
  }
}

function fileOf(entry: FileSystemFileEntry): Promise<File | undefined> {
  return new Promise((resolve) => entry.file(resolve, () => resolve(undefined)));
}

/** The files of a file field, with their folders where a folder was chosen. */
export function chosen(files: FileList): Picked[] {
  return [...files].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
}

const HEAD_BYTES = 512;
const MAGIC_AT = 128;
const SOP_CLASS = "\u0002\u0000\u0002\u0000UI"; // of the file meta information, before its length
const DIRECTORY = "1.2.840.10008.1.3.10\u0000";
const OTHER_ARCHIVES = ["Rar!", "7z\u00bc\u00af", "\u001f\u008b", "BZh"];
const IMAGE_OF_A_DISC = /\.(?:iso|img|nrg|dmg)$/i;

export async function kindOf(file: File): Promise<Kind> {
  if (file.size === 0) return "empty";
  if (/^dicomdir$/i.test(file.name)) return "dicomdir";
  let head: string;
  try {
    head = String.fromCharCode(...new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer()));
  } catch {
    return "empty"; // it has gone, or may not be read
  }
  if (head.startsWith("DICM", MAGIC_AT)) return isDirectory(head) ? "dicomdir" : "dicom";
  if (head.startsWith("PK\u0003\u0004") || head.startsWith("PK\u0005\u0006")) return "zip";
  if (OTHER_ARCHIVES.some((magic) => head.startsWith(magic)) || IMAGE_OF_A_DISC.test(file.name)) return "archive";
  return "other";
}

/** A Media Storage Directory, whatever the file is called. */
function isDirectory(head: string): boolean {
  const at = head.indexOf(SOP_CLASS, MAGIC_AT);
  return at >= 0 && head.startsWith(DIRECTORY, at + SOP_CLASS.length + 2);
}

/** What a file is known by when it is chosen again: nothing else of it outlives the page. */
export function printOf(file: File): string {
  return `${file.name}|${file.size}|${file.lastModified}`;
}
