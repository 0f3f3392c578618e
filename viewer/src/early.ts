/**
 * What the page needs next, asked for while its own script is still on its way: this file is a few hundred bytes and runs
 * first. The files it names are told by the build, in the element that fetches it.
 */

const OPENED = /^#\/study\/([0-9.]+)/;
const QUALITY = 70;
const LONGEST = 768; // of a preview; the diagnostic image takes its place
const REMEMBERED_LANGUAGE = "suret.language";

/** Scripts and styles of the build that screens need besides the page's own. */
interface Files {
  readonly study: readonly string[];
  readonly languages: Readonly<Record<string, readonly string[]>>;
}

let begun: { readonly path: string; readonly answer: Promise<Response | undefined> } | undefined;

/** Where the picture is that a study opens with, as large as this screen can use. */
export function firstPicturePath(studyInstanceUid: string): string {
  const size = Math.min(LONGEST, Math.ceil(Math.max(innerWidth, innerHeight) * devicePixelRatio));
  return `/api/studies/${studyInstanceUid}/first-picture?viewport=${size},${size}&quality=${QUALITY}`;
}

export const FIRST_PICTURE: RequestInit = { headers: { Accept: "image/jpeg" }, credentials: "same-origin" };

/** The good answer to what was asked early, once; undefined where there is none. */
export async function earlyAnswer(path: string): Promise<Response | undefined> {
  if (begun?.path !== path) return undefined;
  const { answer } = begun;
  begun = undefined;
  const early = await answer;
  return early?.ok ? early : undefined;
}

/** Ask for the picture of the study that the page's address names, and for the files of what will be seen. */
export function beginEarly(hash: string, files: Files): void {
  const wishes = [localStorage.getItem(REMEMBERED_LANGUAGE) ?? "", ...navigator.languages];
  const language = wishes.map((wish) => wish.slice(0, 2).toLowerCase()).find((one) => one in files.languages) ?? "en";
  const uid = OPENED.exec(hash)?.[1];
  if (uid !== undefined) {
    const path = firstPicturePath(uid);
    begun = { path, answer: fetch(path, FIRST_PICTURE).catch(() => undefined) };
  }
  for (const file of [...(uid === undefined ? [] : files.study), ...(files.languages[language] ?? [])]) preload(file);
}

function preload(file: string): void {
  const link = document.createElement("link");
  const isStyle = file.endsWith(".css");
  link.rel = isStyle ? "preload" : "modulepreload";
  if (isStyle) link.as = "style";
  link.crossOrigin = ""; // as they are asked for later, or they come twice
  link.href = file;
  document.head.append(link);
}

const told = globalThis.document?.querySelector<HTMLScriptElement>("script[data-files]")?.dataset["files"];
if (told !== undefined) beginEarly(location.hash, JSON.parse(told) as Files);
