/** What the page needs next, asked for while its own script is still on its way. */

import { askEarly, FIRST_PICTURE, firstPicturePath, SESSION, SESSION_PATH } from "@/early/answers";

const OPENED = /^#\/study\/([0-9.]+)/;
const REMEMBERED_LANGUAGE = "suret.language";
const LEFT = "suret.left"; // a session that has to be ended first

/** Scripts and styles of the build that screens need besides the page's own. */
export interface Files {
  readonly study: readonly string[];
  readonly languages: Readonly<Record<string, readonly string[]>>;
}

/** Ask who is here, for the picture of the study that the page's address names, and for the files of what will be seen. */
export function beginEarly(hash: string, files: Files): void {
  const wishes = [localStorage.getItem(REMEMBERED_LANGUAGE) ?? "", ...navigator.languages];
  const language = wishes.map((wish) => wish.slice(0, 2).toLowerCase()).find((one) => one in files.languages) ?? "en";
  const uid = OPENED.exec(hash)?.[1];
  if (uid !== undefined) askEarly(firstPicturePath(uid), FIRST_PICTURE);
  if (localStorage.getItem(LEFT) === null) askEarly(SESSION_PATH, SESSION);
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
