/** Figures before Cornerstone comes to them: it measures what was drawn with a later picture, and again at most ten times a second. */

import { getEnabledElements } from "@cornerstonejs/core";
import { annotation, drawing, Enums, ToolGroupManager, type AnnotationTool } from "@cornerstonejs/tools";

const { Active, Passive, Enabled } = Enums.ToolModes;
const MODES: ReadonlySet<string> = new Set([Active, Passive, Enabled]);
/** So long Cornerstone waits whether a click is a double click, before it draws. */
const CLICK_MS = 400;
const AFTER_IT_MS = 10;

type Drawing = Parameters<Parameters<typeof drawing.draw>[1]>[0];

function toolsOf(viewportId: string, renderingEngineId: string): AnnotationTool[] {
  const group = ToolGroupManager.getToolGroupForViewport(viewportId, renderingEngineId);
  const names = Object.entries((group?.toolOptions ?? {}) as Record<string, { readonly mode: string }>).filter(([, { mode }]) => MODES.has(mode));
  return names.map(([name]) => group?.getToolInstance(name) as AnnotationTool);
}

/** Figures that are of points of earlier are dropped; whether any of this tool are, or are not there yet. */
function isBehind(tool: AnnotationTool, element: HTMLDivElement): boolean {
  const all = annotation.state.getAnnotations(tool.getToolName(), element) ?? [];
  const shown = all.length > 0 ? (tool.filterInteractableAnnotationsForElement(element, all) ?? []) : [];
  const isMoved = (tool as { commonData?: object }).commonData !== undefined; // a freehand is measured when its hand is off it
  const behind = shown.filter(({ invalidated, data }) => invalidated === true || Object.keys(data.cachedStats ?? {}).length === 0);
  if (!isMoved) for (const { invalidated, data } of behind) if (invalidated === true) data.cachedStats = {};
  return behind.length > 0;
}

/** Measure everything that stands on the screen now. */
export function figureNow(): void {
  for (const enabled of getEnabledElements()) {
    const { element } = enabled.viewport;
    const tools = toolsOf(enabled.viewportId, enabled.renderingEngineId);
    const drawn = tools.filter((tool) => "filterInteractableAnnotationsForElement" in tool && isBehind(tool, element));
    if (drawn.length === 0) continue;
    const draw = (svg: Drawing): void => {
      for (const tool of tools) (tool as Partial<AnnotationTool>).renderAnnotation?.(enabled, svg);
    };
    drawing.draw(element, draw);
  }
}

let pressed: Promise<void> = Promise.resolve();

function later(): Promise<void> {
  return new Promise((done) => {
    setTimeout(done, CLICK_MS + AFTER_IT_MS);
  });
}

function isOnImage({ target }: Event): boolean {
  return getEnabledElements().some(({ viewport }) => target instanceof Node && viewport.element.contains(target));
}

function onDown(event: Event): void {
  if (isOnImage(event)) pressed = later().then(figureNow);
}

function onUp(event: Event): void {
  if (isOnImage(event)) figureNow();
}

/** What the hand has done on an image is drawn and measured there, before another image takes its place. */
export function installSettling(): void {
  addEventListener("mousedown", onDown, true);
  addEventListener("mouseup", onUp);
}

/** Resolves when every click until now is drawn. */
export function settled(): Promise<void> {
  return pressed;
}
