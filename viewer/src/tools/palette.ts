/** The tools a hand can hold and the actions beside them: one table for toolbar, keyboard and viewport. */

import type { PlainKey } from "@/i18n/en";

/** What the primary mouse button or one finger does. */
export const TOOLS = ["window", "scroll", "zoom", "pan", "length"] as const;
export type ToolName = (typeof TOOLS)[number];

/** What happens at once. */
export const ACTIONS = ["invert", "reset", "clear"] as const;
export type ActionName = (typeof ACTIONS)[number];

/** What opens a list to choose from. */
export const MENUS = ["layout", "compare", "volume", "preset"] as const;
export type MenuName = (typeof MENUS)[number];

export type ButtonName = ToolName | ActionName | MenuName;

export interface Button {
  readonly name: ButtonName;
  readonly label: PlainKey;
  readonly explanation: PlainKey;
  /** `KeyboardEvent.code`, the same key on every keyboard layout; shown as its letter. */
  readonly key: string;
}

function button(name: ButtonName, key: string): Button {
  return { name, label: `tool.${name}`, explanation: `tool.${name}.explain`, key };
}

/** In the order of the toolbar. */
export const BUTTONS: readonly Button[] = [
  button("layout", "KeyG"),
  button("compare", "Digit2"),
  button("volume", "Digit3"),
  button("window", "KeyW"),
  button("scroll", "KeyS"),
  button("zoom", "KeyZ"),
  button("pan", "KeyP"),
  button("length", "KeyL"),
  button("preset", "KeyV"),
  button("invert", "KeyI"),
  button("reset", "KeyR"),
  button("clear", "Delete"),
];

export function isTool(name: ButtonName): name is ToolName {
  return (TOOLS as readonly string[]).includes(name);
}

export function isMenu(name: ButtonName): name is MenuName {
  return (MENUS as readonly string[]).includes(name);
}

/** The letter or word on the key, for tooltips. */
export function keyCap(code: string): string {
  return code.replace(/^(Key|Digit)/, "");
}

/** How many images a navigation key moves; Home and End go to the first and the last. */
export const STEPS: Readonly<Record<string, number>> = {
  ArrowUp: -1,
  ArrowDown: 1,
  PageUp: -10,
  PageDown: 10,
  Home: -Infinity,
  End: Infinity,
};

/** How many series a key moves. */
export const SERIES_STEPS: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1 };
