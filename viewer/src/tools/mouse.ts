/** What buttons and wheel of the mouse do on an image: a person's habit, in force for every viewport at once. */

import { signal } from "@preact/signals";

/** What a drag can do; `tool`: what the tool in hand does. */
export const DRAGS = ["tool", "window", "scroll", "zoom", "pan"] as const;
export type Drag = (typeof DRAGS)[number];

/** The tools that a study may be opened with in the left hand. */
export const LEFTS = ["window", "scroll", "zoom", "pan"] as const;
export type Left = (typeof LEFTS)[number];

export const WHEELS = ["scroll", "zoom"] as const;
export type Wheel = (typeof WHEELS)[number];

export interface MouseHabits {
  /** The tool in hand when a study is opened; the left button is always that of the tool in hand. */
  readonly left: Left;
  readonly middle: Drag;
  readonly right: Drag;
  readonly wheel: Wheel;
}

const USUAL: MouseHabits = { left: "window", middle: "pan", right: "zoom", wheel: "scroll" };

/** Habits of workstations. */
export const MOUSE_PRESETS = {
  zoomRight: USUAL,
  windowRight: { left: "scroll", middle: "pan", right: "window", wheel: "scroll" },
  zoomWheel: { left: "window", middle: "pan", right: "scroll", wheel: "zoom" },
} as const satisfies Readonly<Record<string, MouseHabits>>;
export type MousePreset = keyof typeof MOUSE_PRESETS;

/** Under this name they are kept among a person's preferences. */
export const MOUSE = "mouse";

/** Of who is signed in. */
export const mouse = signal<MouseHabits>(USUAL);

/** What was kept, whoever wrote it: what is no habit is as usual. */
export function mouseFrom(kept: unknown): MouseHabits {
  const said = typeof kept === "object" && kept !== null ? (kept as Readonly<Record<string, unknown>>) : {};
  const one = <T extends string>(all: readonly T[], name: keyof MouseHabits, usual: T): T => all.find((each) => each === said[name]) ?? usual;
  return {
    left: one(LEFTS, "left", USUAL.left),
    middle: one(DRAGS, "middle", USUAL.middle),
    right: one(DRAGS, "right", USUAL.right),
    wheel: one(WHEELS, "wheel", USUAL.wheel),
  };
}

/** The preset whose habits these are; undefined: somebody's own. */
export function presetOf(habits: MouseHabits): MousePreset | undefined {
  const names = Object.keys(MOUSE_PRESETS) as MousePreset[];
  return names.find((name) => Object.entries(MOUSE_PRESETS[name]).every(([part, does]) => habits[part as keyof MouseHabits] === does));
}
