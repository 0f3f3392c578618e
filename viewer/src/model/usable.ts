/** Which buttons do something to what a viewport shows: toolbar, menus and keys know it by one rule. */

import type { Pane } from "@/model/pane";
import { isOfVolume } from "@/model/showing";
import type { ButtonName } from "@/tools/palette";
import type { ViewControls } from "@/viewport/contract";

/** What a button asks of the viewport, where not every viewport can. */
const ASKED: Partial<Readonly<Record<ButtonName, keyof ViewControls>>> = {
  colour: "setColourMap",
  flipHorizontal: "flipHorizontal",
  flipVertical: "flipVertical",
  rotate: "rotate",
  singly: "singly",
};

/** A rendering in three dimensions has neither grey values nor measurements. */
const NOT_IN_3D: ReadonlySet<ButtonName> = new Set(["clear", "invert", "preset"]);

export function worksIn({ controls, showing, cut }: Pane, name: ButtonName): boolean {
  const view = controls.value;
  const isVolume = isOfVolume(showing.value);
  if (view?.works) return view.works.has(name);
  if (showing.value?.kind === "volume" && NOT_IN_3D.has(name)) return false;
  if (name === "key" || name === "magnify") return !isVolume; // what is cut out of images is none of them
  if (name === "cine") return !isVolume || cut.value !== undefined;
  const asked = ASKED[name];
  return view === undefined || asked === undefined || view[asked] !== undefined;
}
