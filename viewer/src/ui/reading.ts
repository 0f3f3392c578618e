/** What the reader holds and sees: the tool, the window, the viewport; the one place that toolbar and keys talk to. */

import { signal } from "@preact/signals";

import type { OpenStudy } from "@/model/study";
import { BUTTONS, isTool, SERIES_STEPS, STEPS, type ButtonName, type ToolName } from "@/tools/palette";
import type { Preset } from "@/tools/presets";
import type { PixelReading, Quality, Removal, StackView, View } from "@/viewport/contract";

/** The picture in the viewport: the node's preview first, then the diagnostic image, or neither. */
export type Shown =
  | { readonly kind: "preview" }
  | { readonly kind: "loading" }
  | { readonly kind: "ready"; readonly quality: Quality }
  | { readonly kind: "failed" };

const NOTICE_MS = 10_000;

const NO_VIEW: View = { window: undefined, zoom: 1, inverted: false };

export class Reading {
  readonly tool = signal<ToolName>("window");
  readonly presetsOpen = signal(false);
  readonly view = signal<View>(NO_VIEW);
  readonly shown = signal<Shown>({ kind: "preview" });
  /** Under the pointer. */
  readonly pixel = signal<PixelReading | undefined>(undefined);
  readonly loadedImages = signal(0);
  /** The diagnostic viewport cannot be had: previews must do. */
  readonly broken = signal(false);
  /** Measurements just taken away, for as long as they can be brought back. */
  readonly removed = signal<Removal | undefined>(undefined);
  /** Set while the viewport stands. */
  readonly stack = signal<StackView | undefined>(undefined);

  private noticeTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly study: OpenStudy) {}

  press(name: ButtonName): void {
    if (isTool(name)) {
      this.tool.value = name;
      this.stack.peek()?.setTool(name);
    } else if (name === "preset") {
      this.presetsOpen.value = !this.presetsOpen.peek();
    } else if (name === "clear") {
      this.tell(this.stack.peek()?.clear());
    } else {
      this.stack.peek()?.[name]();
    }
  }

  undoRemoval(): void {
    this.removed.peek()?.undo();
    this.tell(undefined);
  }

  private tell(removal: Removal | undefined): void {
    clearTimeout(this.noticeTimer);
    this.removed.value = removal;
    if (removal) this.noticeTimer = setTimeout(() => (this.removed.value = undefined), NOTICE_MS);
  }

  choose(preset: Preset): void {
    this.presetsOpen.value = false;
    this.stack.peek()?.applyPreset(preset);
  }

  /** Go to image `index`, or as near as the stack allows. */
  goTo(index: number): void {
    const last = this.study.content.peek().frames.length - 1;
    const target = Math.max(0, Math.min(last, index));
    if (last < 0 || target === this.study.imageIndex.peek()) return;
    this.moved(target);
    this.stack.peek()?.show(target);
  }

  /** The viewport, or somebody for it, went to another image. */
  moved(index: number): void {
    if (index === this.study.imageIndex.peek()) return;
    this.study.imageIndex.value = index;
    this.shown.value = this.stack.peek() ? { kind: "loading" } : { kind: "preview" };
  }

  key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (event.key === "Escape") {
      this.presetsOpen.value = false;
      this.stack.peek()?.letGo();
      return;
    }
    const step = STEPS[event.key];
    const seriesStep = SERIES_STEPS[event.key];
    const button = BUTTONS.find(({ key }) => key === event.code);
    if (step !== undefined) this.goTo(this.study.imageIndex.peek() + step);
    else if (seriesStep !== undefined) void this.study.selectNeighbour(seriesStep);
    else if (button && !event.repeat) this.press(button.name);
    else return;
    event.preventDefault();
  }
}

/** Whether a key belongs to the element that has the focus: fields, lists and open menus keep theirs. */
function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("input:not([type=range]), select, textarea, [role=menu]") !== null;
}
