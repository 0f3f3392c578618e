/** Where the texts of measurements stand: beside what they tell of, never over it, with a line to it. */

import type { Types } from "@cornerstonejs/core";
import { annotation, ProbeTool, type AnnotationTool, type Types as ToolTypes } from "@cornerstonejs/tools";
import { getRegisteredTextBoxes } from "@cornerstonejs/tools/utilities/drawing/textBoxOverlapRegistry";

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

const GAP = 12;
const EDGE = 4;
const SHIFTS = [0, -1, 1, -2, 2, -3, 3]; // of a text's own height: no text is further away than that
const OWN = 100; // how much worse it is to cover what is measured than another text

function overlap(one: Box, other: Box): number {
  const wide = Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x);
  const high = Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y);
  return wide > 0 && high > 0 ? wide * high : 0;
}

/**
 * The place of a text of this size beside `own`, in CSS pixels of the viewport: right of it, else left, below or above,
 * where it covers least of `own` and then of what is `taken`, and always within the room. Where none of these places is
 * free, the nearest that is; a line leads to it.
 */
export function placeBeside(own: Box, text: Pick<Box, "width" | "height">, room: Pick<Box, "width" | "height">, taken: readonly Box[]): Box {
  const { width, height } = text;
  const [middleX, middleY] = [own.x + (own.width - width) / 2, own.y + (own.height - height) / 2];
  const sides = SHIFTS.flatMap((shift) => [
    [own.x + own.width + GAP, middleY + shift * (height + EDGE)],
    [own.x - width - GAP, middleY + shift * (height + EDGE)],
  ]);
  const ends = SHIFTS.flatMap((shift) => [
    [middleX + (shift * width) / 2, own.y + own.height + GAP],
    [middleX + (shift * width) / 2, own.y - height - GAP],
  ]);
  const places = [...sides, ...ends].map(([x = 0, y = 0]): Box => ({
    x: Math.max(EDGE, Math.min(x, room.width - width - EDGE)),
    y: Math.max(EDGE, Math.min(y, room.height - height - EDGE)),
    width,
    height,
  }));
  const cost = (place: Box): number => OWN * overlap(place, own) + taken.reduce((sum, one) => sum + overlap(place, one), 0);
  const best = places.reduce((least, place) => (cost(place) < cost(least) ? place : least));
  return cost(best) === 0 ? best : (nearestFree(best, room, cost) ?? best);
}

const STRIDE = 6;

/** Of the places in the room that cost nothing the one nearest to where a text was to stand. */
function nearestFree(wanted: Box, room: Pick<Box, "width" | "height">, cost: (place: Box) => number): Box | undefined {
  let [found, least]: [Box | undefined, number] = [undefined, Infinity];
  for (let y = EDGE; y <= room.height - wanted.height - EDGE; y += STRIDE)
    for (let x = EDGE; x <= room.width - wanted.width - EDGE; x += STRIDE) {
      const away = Math.hypot(x - wanted.x, y - wanted.y);
      const place = { ...wanted, x, y };
      if (away < least && cost(place) === 0) [found, least] = [place, away];
    }
  return found;
}

function around(points: readonly (readonly number[])[]): Box {
  const [xs, ys] = [points.map(([x = 0]) => x), points.map(([, y = 0]) => y)];
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

const PADDING = 25; // Cornerstone draws a text that far from the place it is told
const LINE_HEIGHT = 17;
const SLACK = 1.06; // the font that is there may be a little wider
const FONT = "14px Helvetica, Arial, sans-serif";

let measuring: CanvasRenderingContext2D | null | undefined;

/** Of texts in a layer; readers may set letters and words further apart. */
function sizeOf(lines: readonly string[], layer: SVGSVGElement): { readonly width: number; readonly height: number } {
  measuring ??= document.createElement("canvas").getContext("2d");
  if (measuring) {
    const { letterSpacing, wordSpacing } = getComputedStyle(layer);
    measuring.font = FONT;
    measuring.letterSpacing = letterSpacing === "normal" ? "0px" : letterSpacing;
    measuring.wordSpacing = wordSpacing;
  }
  const width = Math.max(...lines.map((line) => measuring?.measureText(line).width ?? 0));
  return { width: width * SLACK, height: lines.length * LINE_HEIGHT };
}

/** What the viewport around an element says in its corners, at its sides and by its ruler. */
function saidOver(element: HTMLElement): Box[] {
  const from = element.getBoundingClientRect();
  return [...(element.closest(".viewport")?.querySelectorAll(".overlay .corner, .overlay .letter, .ruler") ?? [])].map((said) => {
    const { left, top, width, height } = said.getBoundingClientRect();
    return { x: left - from.left, y: top - from.top, width, height };
  });
}

interface Writing {
  readonly enabledElement: Types.IEnabledElement;
  readonly svgDrawingHelper: { readonly svgLayerElement: SVGSVGElement };
  readonly annotation: ToolTypes.Annotation;
  readonly styleSpecifier: object;
  readonly textLines: string[];
  readonly canvasCoordinates: Types.Point2[];
  readonly placementPoints?: Types.Point2[];
}

interface Linking {
  renderLinkedTextBoxAnnotation(writing: Writing): boolean;
}

interface TextBox {
  hasMoved: boolean;
  worldPosition: Types.Point3;
}

const NOWHERE: Types.Point3 = [0, 0, 0];

/** Let a tool write its texts beside what they tell of, unless the reader has put them elsewhere. */
export function writeBeside(tool: AnnotationTool, toolName: string): void {
  const linking = tool as unknown as Linking;
  const original = linking.renderLinkedTextBoxAnnotation.bind(tool);
  linking.renderLinkedTextBoxAnnotation = (writing) => {
    const handles = writing.annotation.data.handles as { textBox?: TextBox } | undefined;
    if (!handles || writing.textLines.length === 0) return original(writing);
    handles.textBox ??= { hasMoved: false, worldPosition: NOWHERE };
    if (handles.textBox.hasMoved) return original(writing);
    const { viewport } = writing.enabledElement;
    const { element } = viewport;
    const layer = writing.svgDrawingHelper.svgLayerElement;
    const taken = [...getRegisteredTextBoxes(layer), ...saidOver(element)];
    const room = { width: element.clientWidth, height: element.clientHeight };
    const { x, y } = placeBeside(around(writing.placementPoints ?? writing.canvasCoordinates), sizeOf(writing.textLines, layer), room, taken);
    handles.textBox.worldPosition = viewport.canvasToWorld([x - PADDING, y - PADDING]);
    handles.textBox.hasMoved = true; // so that it is left there
    try {
      return original(writing);
    } finally {
      handles.textBox.hasMoved = false;
    }
  };
  if (toolName === ProbeTool.toolName) linkProbes(tool as unknown as Probing, linking);
}

type Draw = AnnotationTool["renderAnnotation"];

interface Probing extends Omit<AnnotationTool, "getTargetId"> {
  getTargetId(viewport: unknown): string | undefined;
  configuration: { getTextLines(data: unknown, targetId: string): string[] | undefined };
  toolGroupId: string;
}

/** Cornerstone writes the values of points without a line to them: its own writing is left out, and done as of other tools. */
function linkProbes(tool: Probing, linking: Linking): void {
  const draw: Draw = tool.renderAnnotation;
  const lines = tool.configuration.getTextLines;
  tool.renderAnnotation = (enabledElement, svgDrawingHelper) => {
    tool.configuration.getTextLines = () => undefined;
    let drawn: ReturnType<Draw>;
    try {
      drawn = draw.call(tool, enabledElement, svgDrawingHelper);
    } finally {
      tool.configuration.getTextLines = lines;
    }
    const { viewport } = enabledElement;
    const all = annotation.state.getAnnotations(tool.getToolName(), viewport.element as HTMLDivElement) ?? [];
    const shown = (tool.filterInteractableAnnotationsForElement(viewport.element as HTMLDivElement, all) ?? []) as ToolTypes.Annotation[];
    for (const one of shown) {
      const { annotationUID, data } = one;
      const point = data.handles?.points?.[0];
      const textLines = lines(data, tool.getTargetId(viewport) ?? "");
      if (!point || !textLines || annotationUID === undefined || !annotation.visibility.isAnnotationVisible(annotationUID)) continue;
      linking.renderLinkedTextBoxAnnotation({
        enabledElement,
        svgDrawingHelper: svgDrawingHelper as unknown as Writing["svgDrawingHelper"],
        annotation: one,
        styleSpecifier: { toolGroupId: tool.toolGroupId, toolName: tool.getToolName(), viewportId: viewport.id, annotationUID },
        textLines,
        canvasCoordinates: [viewport.worldToCanvas(point)],
      });
    }
    return drawn;
  };
}
