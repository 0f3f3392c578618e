/** The tools in the reader's hands: the primary one by choice, the others always on their own buttons and fingers. */

import { effect } from "@preact/signals";
import {
  addTool,
  AngleTool,
  ArrowAnnotateTool,
  BidirectionalTool,
  CobbAngleTool,
  CrosshairsTool,
  LabelTool,
  LengthTool,
  MagnifyTool,
  PanTool,
  PlanarFreehandROITool,
  ProbeTool,
  RectangleROITool,
  StackScrollTool,
  TrackballRotateTool,
  type AnnotationTool,
} from "@cornerstonejs/tools";

import type { DrawnKind } from "@/dicomweb/measured";
import type { ToolName } from "@/tools/palette";
import { bindings, DragZoomTool } from "@/viewport/bindings";
import { EllipseTool } from "@/viewport/ellipse";
import { graspOnly, nearestOf } from "@/viewport/grasp";
import { HeldTools } from "@/viewport/heldTools";
import { linesOf } from "@/viewport/measurementTexts";
import { TuneTool } from "@/viewport/solidTools";
import { PinchTool } from "@/viewport/pinch";
import { figureOnStacks } from "@/viewport/stackFigures";
import { writeBeside } from "@/viewport/textBoxes";
import { WindowDragTool } from "@/viewport/windowDrag";

/** What draws on the image and stays there. */
const ANNOTATIONS = [
  LengthTool,
  BidirectionalTool,
  AngleTool,
  CobbAngleTool,
  EllipseTool,
  RectangleROITool,
  PlanarFreehandROITool,
  ArrowAnnotateTool,
  LabelTool,
  ProbeTool,
];

export const ANNOTATION_NAMES: ReadonlySet<string> = new Set(ANNOTATIONS.map(({ toolName }) => toolName));

const TOOL_CLASSES = [WindowDragTool, StackScrollTool, PinchTool, DragZoomTool, PanTool, MagnifyTool, ...ANNOTATIONS];

/** The tools of measurements, by what reports call them. */
export const TOOL_OF_KIND: Readonly<Record<DrawnKind, string>> = {
  length: LengthTool.toolName,
  bidirectional: BidirectionalTool.toolName,
  angle: AngleTool.toolName,
  cobb: CobbAngleTool.toolName,
  ellipse: EllipseTool.toolName,
  rectangle: RectangleROITool.toolName,
  freehand: PlanarFreehandROITool.toolName,
  arrow: ArrowAnnotateTool.toolName,
  text: LabelTool.toolName,
  probe: ProbeTool.toolName,
};

/** Without a class: the viewport itself follows the pointer. */
export const CLASS_NAME: Readonly<Record<ToolName, string | undefined>> = {
  ...TOOL_OF_KIND,
  window: WindowDragTool.toolName,
  scroll: StackScrollTool.toolName,
  zoom: DragZoomTool.toolName,
  pan: PanTool.toolName,
  magnify: MagnifyTool.toolName,
  crosshair: undefined,
};

export const KIND_OF_TOOL = Object.fromEntries(
  Object.entries(TOOL_OF_KIND).map(([kind, tool]) => [tool, kind as DrawnKind]),
) as Readonly<Record<string, DrawnKind | undefined>>;

export function installTools(): void {
  for (const tool of [...TOOL_CLASSES, CrosshairsTool, TrackballRotateTool, TuneTool]) addTool(tool);
}

/** Asks for a text and hands it on; "" gives up. */
export type AskText = (done: (text: string) => void) => void;

/** Nothing has a place before the image is there: a tool that draws then, without graphics hardware, ends all drawing by its error. */
function awaitImage(tool: AnnotationTool): void {
  const draw: AnnotationTool["renderAnnotation"] = tool.renderAnnotation;
  tool.renderAnnotation = (enabled, helper) => enabled.viewport.getImageData() !== undefined && draw.call(tool, enabled, helper);
}

export class ToolHand {
  private readonly held: HeldTools;
  private primary: ToolName = "window";
  private readonly stop: () => void;

  constructor(
    id: string,
    viewportId: string,
    renderingEngineId: string,
    private readonly askText: AskText,
  ) {
    this.held = new HeldTools(id);
    const { group } = this.held;
    for (const { toolName } of TOOL_CLASSES) group.addTool(toolName, configurationOf(toolName, this.askText));
    group.addViewport(viewportId, renderingEngineId);
    for (const name of ANNOTATION_NAMES) {
      group.setToolPassive(name); // what was drawn earlier is shown, and can be chosen
      graspOnly(group.getToolInstance(name) as AnnotationTool, () => this.measures);
      figureOnStacks(group.getToolInstance(name) as AnnotationTool, name);
      writeBeside(group.getToolInstance(name) as AnnotationTool, name);
      awaitImage(group.getToolInstance(name) as AnnotationTool);
    }
    this.stop = effect(() => this.bind()); // again when the habits are others
  }

  /** Take `tool` into the primary hand. */
  take(tool: ToolName): void {
    this.primary = tool;
    this.bind();
  }

  private bind(): void {
    this.held.bind(bindings(CLASS_NAME[this.primary]));
  }

  get holds(): ToolName {
    return this.primary;
  }

  /** Whether a measuring tool is in the hand. */
  get measures(): boolean {
    return ANNOTATION_NAMES.has(CLASS_NAME[this.primary] ?? "");
  }

  /** The measurement at a place of the viewport, whatever is in the hand; in CSS pixels. */
  at(element: HTMLDivElement, place: readonly [number, number]): string | undefined {
    for (const name of ANNOTATION_NAMES) {
      const found = nearestOf(this.held.group.getToolInstance(name) as AnnotationTool, element, place);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The tool that is drawing, or about to. */
  get annotating(): AnnotationTool | undefined {
    return drawingIn(this.held.group);
  }

  close(): void {
    this.stop();
    this.held.close();
  }
}

/** What tells measurements of their tools: a hand for one viewport, or one for several. */
export interface Hand {
  readonly annotating: AnnotationTool | undefined;
  /** Whether a measuring tool is in it. */
  readonly measures?: boolean;
  /** The measurement at a place of the viewport, whatever is in the hand; in CSS pixels. */
  at?(element: HTMLDivElement, place: readonly [number, number]): string | undefined;
}

interface Edited {
  readonly annotation?: { readonly data?: { readonly label?: string } };
}

/** The tool of a group that is drawing, or about to. */
export function drawingIn(group: HeldTools["group"]): AnnotationTool | undefined {
  for (const name of ANNOTATION_NAMES) {
    const tool = group.getToolInstance(name) as AnnotationTool & { editData?: Edited | null };
    // a text that is written is done, which its tool never says
    if (tool.editData && !(name === LabelTool.toolName && tool.editData.annotation?.data?.label)) return tool;
  }
  return undefined;
}

/** How a tool behaves in every hand. `isSlab`: what is drawn on just now shows no single values. */
export function configurationOf(toolName: string, askText: AskText, isSlab?: () => boolean): Record<string, unknown> {
  if (toolName === DragZoomTool.toolName) return { pinchToZoom: false, pan: false, invert: true };
  if (toolName === PlanarFreehandROITool.toolName) {
    return { getTextLines: linesOf(toolName, isSlab), calculateStats: true, allowOpenContours: false };
  }
  if (toolName === ArrowAnnotateTool.toolName || toolName === LabelTool.toolName) {
    return {
      getTextCallback: askText,
      changeTextCallback: (_data: unknown, _event: unknown, done: (text: string) => void) => askText(done),
    };
  }
  return ANNOTATION_NAMES.has(toolName) ? { getTextLines: linesOf(toolName, isSlab) } : {};
}
