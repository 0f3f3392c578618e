/** The tools a hand can hold and the actions beside them: one table for toolbar, keyboard and viewport. */

import type { PlainKey } from "@/i18n/catalogue";

/** What the primary mouse button or one finger does. */
export const TOOLS = [
  "window", "scroll", "zoom", "pan", "length", "bidirectional", "angle", "cobb", "ellipse", "rectangle", "freehand",
  "arrow", "text", "probe", "magnify", "crosshair",
] as const; // prettier-ignore
export type ToolName = (typeof TOOLS)[number];

/** What happens at once, to the active viewport. */
export const ACTIONS = ["invert", "rotate", "flipHorizontal", "flipVertical", "singly", "trueSize", "reset", "clear", "undo", "redo", "key", "curve"] as const;
export type ActionName = (typeof ACTIONS)[number];

/** What is on or off for the whole screen. */
export const SWITCHES = ["cine", "lines", "linked", "overlays", "graphics", "steps", "fullScreen", "pictures", "help"] as const;
export type SwitchName = (typeof SWITCHES)[number];

/** What opens a list to choose from. */
export const MENUS = ["layout", "compare", "volume", "measure", "preset", "colour", "view", "save"] as const;
export type MenuName = (typeof MENUS)[number];

export type ButtonName = ToolName | ActionName | SwitchName | MenuName;

/** Where a button stands: in the bar, or in a menu of it. */
export type Place = "bar" | "measure" | "view";

export interface Button {
  readonly name: ButtonName;
  readonly place: Place;
  readonly label: PlainKey;
  readonly explanation: PlainKey;
  /** `KeyboardEvent.code`, the same key on every keyboard layout; shown as its letter. */
  readonly key: string;
}

function button(name: ButtonName, key: string, place: Place = "bar"): Button {
  return { name, place, label: `tool.${name}`, explanation: `tool.${name}.explain`, key };
}

/** In the order of the toolbar and its menus. */
export const BUTTONS: readonly Button[] = [
  button("layout", "KeyG"),
  button("compare", "Quote"),
  button("volume", "Semicolon"),
  button("window", "KeyW"),
  button("scroll", "KeyS"),
  button("zoom", "KeyZ"),
  button("pan", "KeyP"),
  button("length", "KeyL"),
  button("measure", "Backquote"),
  button("bidirectional", "KeyD", "measure"),
  button("angle", "KeyA", "measure"),
  button("cobb", "KeyC", "measure"),
  button("ellipse", "KeyE", "measure"),
  button("rectangle", "KeyQ", "measure"),
  button("freehand", "KeyF", "measure"),
  button("arrow", "KeyN", "measure"),
  button("text", "KeyT", "measure"),
  button("probe", "KeyU", "measure"),
  button("curve", "BracketLeft", "measure"),
  button("preset", "KeyV"),
  button("colour", "KeyO"),
  button("view", "Backslash"),
  button("magnify", "Slash", "view"),
  button("crosshair", "KeyX", "view"),
  button("rotate", "BracketRight", "view"),
  button("flipHorizontal", "KeyH", "view"),
  button("flipVertical", "KeyJ", "view"),
  button("singly", "F8", "view"),
  button("trueSize", "F7", "view"),
  button("lines", "KeyY", "view"),
  button("linked", "KeyB", "view"),
  button("overlays", "Digit0", "view"),
  button("graphics", "F9", "view"),
  button("fullScreen", "F11", "view"),
  button("redo", "Period", "view"),
  button("steps", "F4", "view"),
  button("help", "F1", "view"),
  button("cine", "Space"),
  button("invert", "KeyI"),
  button("key", "KeyK"),
  button("save", "KeyM"),
  button("pictures", "F2", "view"),
  button("undo", "Comma"),
  button("reset", "KeyR"),
  button("clear", "Delete"),
];

export function isTool(name: ButtonName): name is ToolName {
  return (TOOLS as readonly string[]).includes(name);
}

export function isMenu(name: ButtonName): name is MenuName {
  return (MENUS as readonly string[]).includes(name);
}

export function isSwitch(name: ButtonName): name is SwitchName {
  return (SWITCHES as readonly string[]).includes(name);
}

const CAPS: Readonly<Record<string, string>> = {
  Backquote: "`",
  Backslash: "\\",
  BracketLeft: "[",
  BracketRight: "]",
  Comma: ",",
  Period: ".",
  Quote: "'",
  Semicolon: ";",
  Slash: "/",
};

/** The letter or word on the key, for tooltips. */
export function keyCap(code: string): string {
  return CAPS[code] ?? code.replace(/^(?:Key|Digit)/, "");
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

/** How much larger a key makes the image; each takes the other back. */
export const ZOOM_KEYS: Readonly<Record<string, number>> = { "+": 1.25, "=": 1.25, "-": 1 / 1.25, "\u2212": 1 / 1.25 };
