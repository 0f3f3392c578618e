/** The hands of all viewports which cut the same volume: one group, so that the crosshair connects them. */

import { effect } from "@preact/signals";
import { getEnabledElement } from "@cornerstonejs/core";
import {
  CrosshairsTool,
  Enums,
  PanTool,
  StackScrollTool,
  ToolGroupManager,
  WindowLevelTool,
  ZoomTool,
  type AnnotationTool,
} from "@cornerstonejs/tools";

import type { ToolName } from "@/tools/palette";
import { PLANE_COLOURS } from "@/tools/planeColours";
import { bindings, DragZoomTool } from "@/viewport/bindings";
import { figureOnPlanes } from "@/viewport/planeRegions";
import { ANNOTATION_NAMES, CLASS_NAME, configurationOf, drawingIn, type AskText, type Hand } from "@/viewport/toolGroup";
import { showOnEveryPlane } from "@/viewport/lonePoints";
import { writeBeside } from "@/viewport/textBoxes";
import type { PlaneName } from "@/viewport/volumeContract";
import type { VoxelVolume } from "@/viewport/volumeData";

const { MouseBindings } = Enums;

const DRAG_ZOOM = DragZoomTool.toolName;
const PRIMARY = [{ mouseButton: MouseBindings.Primary }, { numTouchPoints: 1 }];
const PASSIVE = [WindowLevelTool.toolName, StackScrollTool.toolName, DRAG_ZOOM, ZoomTool.toolName, PanTool.toolName];

type Scroll = (event: { readonly detail: { readonly element: HTMLDivElement } }) => void;

/** What is known of the tool that scrolls. */
interface Scrolling {
  readonly configuration: { invert?: boolean };
  mouseWheelCallback: Scroll;
  mouseDragCallback: Scroll;
  touchDragCallback: Scroll;
}

/** One of the viewports of a volume. */
export interface Member {
  readonly id: string;
  plane: PlaneName;
  readonly askText: AskText;
  /** Whether it shows a slab, which has no single values. */
  isSlab(): boolean;
  /** What lies over its plane. */
  over(): VoxelVolume | undefined;
  /** Whether its planes are images that are counted from the other end. */
  isBackwards(): boolean;
}

/** Tools of the viewports of one volume. */
class PlaneTools implements Hand {
  private readonly members = new Map<string, Member>();
  private readonly group;
  private readonly stop: () => void;
  private primary: string = WindowLevelTool.toolName;
  private crosshair = false;
  /** In which viewport measurements are being drawn just now. */
  private drawnIn: string | undefined;

  constructor(private readonly id: string) {
    const group = ToolGroupManager.createToolGroup(id);
    if (!group) throw new Error(`there is a tool group ${id} already`);
    this.group = group;
    for (const name of PASSIVE) group.addTool(name, name === DRAG_ZOOM ? { pinchToZoom: false, pan: false, invert: true } : {});
    this.scrollAsCounted();
    for (const name of ANNOTATION_NAMES) this.addAnnotation(name);
    group.addTool(CrosshairsTool.toolName, {
      getReferenceLineColor: (viewportId: string) => PLANE_COLOURS[this.members.get(viewportId)?.plane ?? "axial"],
      getReferenceLineControllable: () => true,
      getReferenceLineDraggableRotatable: () => true,
      getReferenceLineSlabThicknessControlsOn: () => false, // the slab has a control with millimetres
    });
    this.stop = effect(() => this.bind()); // again when the habits of the mouse are others
  }

  add(member: Member, engineId: string): void {
    this.members.set(member.id, member);
    this.group.addViewport(member.id, engineId);
    this.again();
  }

  /** True when nobody is left. */
  remove(viewportId: string, engineId: string): boolean {
    this.members.delete(viewportId);
    this.setActive(CrosshairsTool.toolName, false);
    this.group.removeViewports(engineId, viewportId);
    if (this.members.size > 0) this.again();
    else {
      this.stop();
      ToolGroupManager.destroyToolGroup(this.id);
    }
    return this.members.size === 0;
  }

  /** What is done with images alone leaves the tool that is held. */
  take(tool: ToolName): void {
    if (tool === "crosshair") {
      this.crosshair = true;
      this.bind();
      return;
    }
    const name = CLASS_NAME[tool];
    if (name === undefined || !this.group.hasTool(name)) return;
    this.primary = name;
    this.crosshair = false;
    this.bind();
  }

  get annotating(): AnnotationTool | undefined {
    return drawingIn(this.group);
  }

  private addAnnotation(name: string): void {
    const ask: AskText = (done) => [...this.members.values()][0]?.askText(done);
    const isSlab = (): boolean => this.members.get(this.drawnIn ?? "")?.isSlab() === true;
    this.group.addTool(name, configurationOf(name, ask, isSlab));
    const tool = this.group.getToolInstance(name) as AnnotationTool;
    writeBeside(tool, name);
    showOnEveryPlane(tool, name);
    figureOnPlanes(tool, name, () => this.members.get(this.drawnIn ?? "")?.over());
    const draw = tool.renderAnnotation;
    tool.renderAnnotation = (enabled, helper) => {
      this.drawnIn = enabled.viewport.id;
      return draw.call(tool, enabled, helper);
    };
    this.group.setToolPassive(name);
  }

  /** The wheel and the drag go on to the next image, as over a stack of them. */
  private scrollAsCounted(): void {
    const tool = this.group.getToolInstance(StackScrollTool.toolName) as unknown as Scrolling;
    for (const name of ["mouseWheelCallback", "mouseDragCallback", "touchDragCallback"] as const) {
      const scroll = tool[name].bind(tool);
      tool[name] = (event) => {
        const viewportId = getEnabledElement(event.detail.element)?.viewportId ?? "";
        tool.configuration.invert = this.members.get(viewportId)?.isBackwards() === true;
        scroll(event);
      };
    }
  }

  /** The crosshair finds its centre anew: viewports came, went or turned. */
  again(): void {
    if (this.crosshair) this.bind();
  }

  private bind(): void {
    for (const name of [...PASSIVE, ...ANNOTATION_NAMES]) this.group.setToolPassive(name, { removeAllBindings: true });
    const connects = this.crosshair && this.members.size > 1;
    this.setActive(CrosshairsTool.toolName, connects);
    for (const [name, held] of bindings(connects ? undefined : this.primary)) this.group.setToolActive(name, { bindings: held });
  }

  private setActive(name: string, on: boolean): void {
    this.group.setToolDisabled(name);
    if (on) this.group.setToolActive(name, { bindings: [...PRIMARY] });
  }
}

const groups = new Map<string, PlaneTools>();

/** The tools of the viewports of a volume; made for the first of them. */
export function planeTools(volumeKey: string): PlaneTools {
  const id = `planes-${volumeKey}`;
  const known = groups.get(id);
  if (known) return known;
  const made = new PlaneTools(id);
  groups.set(id, made);
  return made;
}

export function leavePlaneTools(volumeKey: string, viewportId: string, engineId: string): void {
  const id = `planes-${volumeKey}`;
  if (groups.get(id)?.remove(viewportId, engineId)) groups.delete(id);
}

export type { PlaneTools };
