/** Whether keys of one character do something: who speaks to the computer, or hits keys by chance, turns them off (WCAG 2.1.4). */

import type { Kept } from "@/model/ownHanging";

const NAME = "characterKeys";

export function characterKeysOn(kept: Kept): boolean {
  return kept.get(NAME) !== false;
}

export function useCharacterKeys(kept: Kept, on: boolean): void {
  kept.set(NAME, on);
}

/** Whether it writes a letter, a digit or a sign. */
export function isCharacter({ key, ctrlKey, metaKey }: KeyboardEvent): boolean {
  return !ctrlKey && !metaKey && key.trim().length === 1;
}
