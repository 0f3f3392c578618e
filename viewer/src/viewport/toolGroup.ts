/** The tools in the reader's hands: the primary one by choice, the others always on their own buttons and fingers. */

import {
  addTool,
  Enums,
  LengthTool,
  PanTool,
  StackScrollTool,
  ToolGroupManager,
  WindowLevelTool,
  ZoomTool,
} from "@cornerstonejs/tools";

import { n, t } from "@/i18n";
import type { ToolName } from "@/tools/palette";
import { VOLUME_TOOL_CLASSES } from "@/viewport/planeTools";

const { MouseBindings } = Enums;

/** Zoom by dragging with one finger or a button, upwards to enlarge; pinching is the other zoom tool's. */
class DragZoomTool extends ZoomTool {
  static override toolName = "DragZoom";
}

const TOOL_CLASSES = [WindowLevelTool, StackScrollTool, ZoomTool, DragZoomTool, PanTool, LengthTool];

const CLASS_NAME: Readonly<Record<ToolName, string>> = {
  window: WindowLevelTool.toolName,
  scroll: StackScrollTool.toolName,
  zoom: DragZoomTool.toolName,
  pan: PanTool.toolName,
  length: LengthTool.toolName,
};

interface Binding {
  readonly mouseButton?: number;
  readonly numTouchPoints?: number;
}

/** Habits of a workstation: wheel scrolls, right button zooms, middle button pans; two fingers zoom and pan. */
const ALWAYS: Readonly<Record<string, readonly Binding[]>> = {
  [StackScrollTool.toolName]: [{ mouseButton: MouseBindings.Wheel }],
  [DragZoomTool.toolName]: [{ mouseButton: MouseBindings.Secondary }],
  [ZoomTool.toolName]: [{ numTouchPoints: 2 }],
  [PanTool.toolName]: [{ mouseButton: MouseBindings.Auxiliary }],
};

const PRIMARY: readonly Binding[] = [{ mouseButton: MouseBindings.Primary }, { numTouchPoints: 1 }];

export function installTools(): void {
  for (const tool of [...TOOL_CLASSES, ...VOLUME_TOOL_CLASSES]) addTool(tool);
}

/** A length as the screen's language writes it; the unit says whether it is a distance in the patient. */
function lengthText(data: unknown, targetId: string): string[] | undefined {
  const stats = (data as { cachedStats?: Record<string, { length?: number; unit?: string } | undefined> }).cachedStats;
  const { length, unit = "" } = stats?.[targetId] ?? {};
  if (length === undefined || !Number.isFinite(length)) return undefined;
  const localUnit = unit.startsWith("mm") ? t("unit.mm") : unit === "px" ? t("unit.px") : unit;
  return [`${n(length, 1)} ${localUnit}`];
}

export class ToolHand {
  private readonly group;
  private primary: ToolName = "window";

  constructor(
    private readonly id: string,
    viewportId: string,
    renderingEngineId: string,
  ) {
    const group = ToolGroupManager.createToolGroup(id);
    if (!group) throw new Error(`there is a tool group ${id} already`);
    this.group = group;
    for (const { toolName } of TOOL_CLASSES) group.addTool(toolName, this.configuration(toolName));
    group.addViewport(viewportId, renderingEngineId);
    group.setToolPassive(LengthTool.toolName); // lengths measured earlier are shown, and can be chosen
    this.take("window");
  }

  /** Take `tool` into the primary hand. */
  take(tool: ToolName): void {
    this.group.setToolPassive(CLASS_NAME[this.primary], { removeAllBindings: true });
    this.primary = tool;
    const active: Record<string, readonly Binding[]> = { ...ALWAYS };
    const name = CLASS_NAME[tool];
    active[name] = [...PRIMARY, ...(ALWAYS[name] ?? [])];
    for (const [toolName, bindings] of Object.entries(active)) {
      this.group.setToolActive(toolName, { bindings: [...bindings] });
    }
  }

  get length(): LengthTool {
    return this.group.getToolInstance(LengthTool.toolName) as LengthTool;
  }

  close(): void {
    ToolGroupManager.destroyToolGroup(this.id);
  }

  private configuration(toolName: string): Record<string, unknown> {
    if (toolName === DragZoomTool.toolName) return { pinchToZoom: false, pan: false, invert: true };
    if (toolName === LengthTool.toolName) return { getTextLines: lengthText };
    return {};
  }
}
