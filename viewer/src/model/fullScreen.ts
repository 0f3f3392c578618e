/** The image alone on the screen: bars are hidden, and come back by the mouse at the upper edge, by a tap, for good by Escape. */

import { signal } from "@preact/signals";

import type { ToolName } from "@/tools/palette";

const EDGE_PX = 4;
const AWAY_MS = 1200; // the mouse may leave the bars for a moment
const TAP_MS = 300;
const TAP_PX = 10;

/** With these in hand a tap does nothing to the image. */
const TAPPABLE: ReadonlySet<ToolName> = new Set(["window", "scroll", "zoom", "pan"]);

export class FullScreen {
  readonly on = signal(false);
  /** The bars lie over the image for a while. */
  readonly bars = signal(false);

  private following = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private tap: { readonly at: number; readonly x: number; readonly y: number } | undefined;

  constructor(
    private readonly tool: () => ToolName,
    private readonly isMenuOpen: () => boolean,
  ) {}

  /** The browser's own bars go as well, where it lets them. */
  toggle(): void {
    if (this.on.peek()) {
      this.leave();
      return;
    }
    this.on.value = true;
    this.follow();
    if (document.fullscreenEnabled) document.documentElement.requestFullscreen().catch(() => {}); // it does not want to: the viewer's own are gone
  }

  leave(): void {
    if (!this.on.peek()) return;
    clearTimeout(this.timer);
    this.following.abort();
    this.on.value = false;
    this.bars.value = false;
    if (document.fullscreenElement) document.exitFullscreen().catch(() => {});
  }

  private follow(): void {
    this.following = new AbortController();
    const options = { signal: this.following.signal, capture: true };
    document.addEventListener("fullscreenchange", () => document.fullscreenElement ?? this.leave(), options);
    document.addEventListener("pointermove", (event) => this.moved(event), options);
    document.addEventListener("pointerdown", ({ isPrimary, timeStamp: at, clientX: x, clientY: y }) => (this.tap = isPrimary ? { at, x, y } : undefined), options);
    document.addEventListener("pointerup", (event) => this.lifted(event), options);
  }

  private moved({ pointerType, clientY, target }: PointerEvent): void {
    if (pointerType !== "mouse") return;
    const isAtEdge = clientY <= EDGE_PX; // the bar comes beneath it, and it may rest there
    if (isAtEdge) this.bars.value = true;
    if (isAtEdge || !isOnImage(target)) {
      clearTimeout(this.timer);
      this.timer = undefined;
    } else if (this.bars.peek() && this.timer === undefined) {
      this.timer = setTimeout(() => {
        this.timer = undefined;
        if (!this.isMenuOpen()) this.bars.value = false;
      }, AWAY_MS);
    }
  }

  private lifted({ pointerType, timeStamp, clientX, clientY, target }: PointerEvent): void {
    const { tap } = this;
    if (pointerType !== "touch" || !tap || !isOnImage(target) || !TAPPABLE.has(this.tool())) return;
    const isTap = timeStamp - tap.at < TAP_MS && Math.hypot(clientX - tap.x, clientY - tap.y) < TAP_PX;
    if (isTap) this.bars.value = !this.bars.peek();
  }
}

function isOnImage(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest(".stage") !== null && target.closest("button, select, input, a") === null;
}
