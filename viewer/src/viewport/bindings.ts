/** Which buttons, wheel and fingers hold which of Cornerstone's tools, by the habits of who is signed in. */

import { Enums, PanTool, StackScrollTool, WindowLevelTool, ZoomTool } from "@cornerstonejs/tools";

import { mouse, type Drag } from "@/tools/mouse";

const { KeyboardBindings, MouseBindings } = Enums;

/** The same tool: some draw otherwise then. */
const WITH_CTRL: Binding = { mouseButton: MouseBindings.Primary, modifierKey: KeyboardBindings.Ctrl };

/** Zoom by dragging with one finger or a button, upwards to enlarge; pinching is the other zoom tool's. */
export class DragZoomTool extends ZoomTool {
  static override toolName = "DragZoom";
}

export interface Binding {
  readonly mouseButton?: number;
  readonly modifierKey?: number;
  readonly numTouchPoints?: number;
}

const DRAGGED: Readonly<Record<Exclude<Drag, "tool">, string>> = {
  window: WindowLevelTool.toolName,
  scroll: StackScrollTool.toolName,
  zoom: DragZoomTool.toolName,
  pan: PanTool.toolName,
};

/** By the name of the tool, while `primary` is in the hand (none: what the viewport itself does); two fingers zoom and pan. */
export function bindings(primary: string | undefined): ReadonlyMap<string, Binding[]> {
  const bound = new Map<string, Binding[]>([[ZoomTool.toolName, [{ numTouchPoints: 2 }]]]);
  const bind = (tool: string | undefined, ...held: readonly Binding[]): void => {
    if (tool !== undefined) bound.set(tool, [...(bound.get(tool) ?? []), ...held]);
  };
  const { middle, right, wheel } = mouse.value;
  bind(primary, { mouseButton: MouseBindings.Primary }, WITH_CTRL, { numTouchPoints: 1 });
  bind(middle === "tool" ? primary : DRAGGED[middle], { mouseButton: MouseBindings.Auxiliary });
  bind(right === "tool" ? primary : DRAGGED[right], { mouseButton: MouseBindings.Secondary });
  if (wheel === "scroll") bind(StackScrollTool.toolName, { mouseButton: MouseBindings.Wheel });
  return bound;
}
