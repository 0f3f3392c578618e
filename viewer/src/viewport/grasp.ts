/** What of a measurement a pointer takes hold of: while another tool is in the hand, the handles of the chosen one alone. */

import { getEnabledElement } from "@cornerstonejs/core";
import { annotation, type AnnotationTool, type Types as ToolTypes } from "@cornerstonejs/tools";

type Annotation = ToolTypes.Annotation;
type Near = (element: HTMLDivElement, one: Annotation, place: [number, number], proximity: number, how: string) => unknown;

interface Grasped {
  getHandleNearImagePoint: Near;
  isPointNearTool: Near;
}

const { selection, state } = annotation;
const PROXIMITY_PX = 8;
const originals = new WeakMap<AnnotationTool, Grasped>();

function isChosen({ annotationUID }: Annotation): boolean {
  return annotationUID !== undefined && selection.isAnnotationSelected(annotationUID);
}

/** Have `tool` be moved only as told above, unless it `measures()`. */
export function graspOnly(tool: AnnotationTool, measures: () => boolean): void {
  const grasped = tool as unknown as Grasped;
  const original: Grasped = {
    getHandleNearImagePoint: grasped.getHandleNearImagePoint.bind(tool),
    isPointNearTool: grasped.isPointNearTool.bind(tool),
  };
  originals.set(tool, original);
  grasped.getHandleNearImagePoint = (element, one, place, proximity, how) =>
    measures() || isChosen(one) ? original.getHandleNearImagePoint(element, one, place, proximity, how) : undefined;
  grasped.isPointNearTool = (element, one, place, proximity, how) =>
    measures() ? original.isPointNearTool(element, one, place, proximity, how) : false;
}

/** The measurement of `tool` at a place of the element, in CSS pixels. */
export function nearestOf(tool: AnnotationTool, element: HTMLDivElement, [x, y]: readonly [number, number]): string | undefined {
  if (!getEnabledElement(element)?.viewport.getImageData()) return undefined; // nothing has a place yet
  const original = originals.get(tool);
  const all = (state.getAnnotations(tool.getToolName(), element) ?? []) as Annotation[];
  const shown = (tool.filterInteractableAnnotationsForElement(element, all) ?? []) as Annotation[];
  const found = shown.find(
    (one) =>
      one.isLocked !== true &&
      (original?.getHandleNearImagePoint(element, one, [x, y], PROXIMITY_PX, "mouse") ||
        original?.isPointNearTool(element, one, [x, y], PROXIMITY_PX, "mouse")),
  );
  return found?.annotationUID;
}
