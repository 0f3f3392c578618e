/** The hand of a rendering in three dimensions: turned, moved, magnified and tuned by the reader's habits of the mouse. */

import { effect } from "@preact/signals";
import { BaseTool, Enums, PanTool, TrackballRotateTool, ZoomTool } from "@cornerstonejs/tools";

import { mouse, type Drag } from "@/tools/mouse";
import type { ToolName } from "@/tools/palette";
import { DragZoomTool, type Binding } from "@/viewport/bindings";
import { HeldTools } from "@/viewport/heldTools";

const { MouseBindings } = Enums;

interface Dragged {
  readonly detail: { readonly deltaPoints: { readonly canvas: readonly [number, number] } };
}

/** Tells how far it was dragged, CSS pixels to the right and down. */
export class TuneTool extends BaseTool {
  static override toolName = "Tune";

  mouseDragCallback({ detail }: Dragged): void {
    const [right, down] = detail.deltaPoints.canvas;
    (this.configuration as { readonly dragged?: (right: number, down: number) => void }).dragged?.(right, down);
  }

  touchDragCallback(event: Dragged): void {
    this.mouseDragCallback(event);
  }
}

/** There are no images to scroll: what scrolls them turns the rendering. */
const DRAGGED: Readonly<Record<Exclude<Drag, "tool">, string>> = {
  window: TuneTool.toolName,
  scroll: TrackballRotateTool.toolName,
  zoom: DragZoomTool.toolName,
  pan: PanTool.toolName,
};

/** What does the same here as on an image; every other tool turns the rendering, the window too: it is what most come with. */
const IN_HAND: Readonly<Partial<Record<ToolName, string>>> = { zoom: DragZoomTool.toolName, pan: PanTool.toolName };

/** By the name of the tool, with `tool` in the hand; two fingers and the wheel magnify. */
export function solidBindings(tool: ToolName): ReadonlyMap<string, Binding[]> {
  const primary = IN_HAND[tool] ?? TrackballRotateTool.toolName;
  const bound = new Map<string, Binding[]>([[ZoomTool.toolName, [{ mouseButton: MouseBindings.Wheel }, { numTouchPoints: 2 }]]]);
  const bind = (name: string, ...held: readonly Binding[]): void => {
    bound.set(name, [...(bound.get(name) ?? []), ...held]);
  };
  const { middle, right } = mouse.value;
  bind(primary, { mouseButton: MouseBindings.Primary }, { numTouchPoints: 1 });
  bind(middle === "tool" ? primary : DRAGGED[middle], { mouseButton: MouseBindings.Auxiliary });
  bind(right === "tool" ? primary : DRAGGED[right], { mouseButton: MouseBindings.Secondary });
  return bound;
}

export class SolidHand {
  private readonly held: HeldTools;
  private tool: ToolName = "window";
  private readonly stop: () => void;

  constructor(
    id: string,
    viewportId: string,
    renderingEngineId: string,
    dragged: (right: number, down: number) => void,
  ) {
    this.held = new HeldTools(id);
    const { group } = this.held;
    group.addTool(TrackballRotateTool.toolName);
    group.addTool(ZoomTool.toolName);
    group.addTool(DragZoomTool.toolName, { pinchToZoom: false, pan: false, invert: true });
    group.addTool(PanTool.toolName);
    group.addTool(TuneTool.toolName, { dragged });
    group.addViewport(viewportId, renderingEngineId);
    this.stop = effect(() => this.bind()); // again when the habits are others
  }

  take(tool: ToolName): void {
    this.tool = tool;
    this.bind();
  }

  private bind(): void {
    this.held.bind(solidBindings(this.tool));
  }

  close(): void {
    this.stop();
    this.held.close();
  }
}
