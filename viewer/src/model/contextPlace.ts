/** Where on the screen the menu of a viewport is wanted, and when a press of the right button or of a finger wants it. */

import type { SeriesSummary } from "@/dicomweb/client";
import type { PixelReading } from "@/viewport/contract";

/** CSS pixels of the window. */
export interface ContextPlace {
  readonly x: number;
  readonly y: number;
  /** What was under the pointer. */
  readonly reading: PixelReading | undefined;
  /** The series whose thumbnail it was, which has a menu of its own. */
  readonly series?: SeriesSummary;
}

const STILL_PX = 5;
const RIGHT = 2;

interface Press {
  readonly button: number;
  readonly pointerType: string;
  readonly clientX: number;
  readonly clientY: number;
}

/** Tells a press of the right button from a drag with it, which windows or zooms. */
export class RightPress {
  private from: Press | undefined;

  down(press: Press): void {
    this.from = press.button === RIGHT && press.pointerType !== "touch" ? press : undefined;
  }

  /** A drag that came back to where it began was a drag, too. */
  moved({ clientX, clientY }: Press): void {
    if (this.from && Math.hypot(clientX - this.from.clientX, clientY - this.from.clientY) > STILL_PX) this.from = undefined;
  }

  /** Whether letting go ends a press that stood still. */
  up(press: Press): boolean {
    this.moved(press);
    const still = press.button === RIGHT && this.from !== undefined;
    this.from = undefined;
    return still;
  }
}

const RESTED_MS = 550;
const FINGER_STILL_PX = 10;

/** Tells when a finger rests where it was put down. */
export class RestingFinger {
  private from: { readonly x: number; readonly y: number; readonly at: number } | undefined;
  private told = false;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly rested: (x: number, y: number) => void,
    /** It had moved in time: a busy page heard of it late. */
    private readonly hurried: () => void,
  ) {}

  /** `at`: when it was, by the event's own time, here and below. */
  down(x: number, y: number, at: number): void {
    this.end();
    this.from = { x, y, at };
    this.timer = setTimeout(() => {
      this.told = true;
      this.rested(x, y);
    }, RESTED_MS);
  }

  moved(x: number, y: number, at: number): void {
    const { from, told } = this;
    if (!from || Math.hypot(x - from.x, y - from.y) <= FINGER_STILL_PX) return;
    this.end();
    if (told && at - from.at < RESTED_MS) this.hurried();
  }

  /** It was lifted, or is not alone. */
  end(): void {
    clearTimeout(this.timer);
    this.from = undefined;
    this.told = false;
  }
}

/** Whether a key asks for the menu of what has the focus. */
export function isMenuKey({ key, shiftKey, ctrlKey, metaKey, altKey }: KeyboardEvent): boolean {
  return !ctrlKey && !metaKey && !altKey && (key === "ContextMenu" || (key === "F10" && shiftKey));
}
