/** Playing a stack: its speed, the part that is played, forwards and round again. */

import { signal } from "@preact/signals";

import { number, type Dataset } from "@/dicomweb/json";

const FRAME_TIME = "00181063"; // milliseconds
const CINE_RATE = "00180040";
const DISPLAY_RATE = "00082144";
const USUAL_RATE = 10;
export const RATE_MAX = 60;

/** Images per second that the object asks for (PS3.3 C.7.6.5.1.1), else ten. */
export function rateOf(dataset: Dataset | undefined): number {
  const time = dataset && number(dataset, FRAME_TIME);
  const rate = (dataset && (number(dataset, DISPLAY_RATE) ?? number(dataset, CINE_RATE))) ?? (time ? 1000 / time : 0);
  return rate > 0 ? Math.max(1, Math.min(RATE_MAX, Math.round(rate))) : USUAL_RATE;
}

interface Played {
  /** How many images there are, and which is shown. */
  length(): number;
  index(): number;
  goTo(index: number): void;
  /** The image gone to is on the screen: what cannot keep pace plays slower and leaves nothing out. */
  isShown(): boolean;
}

export class Cine {
  /** The bar with its controls is on the screen. */
  readonly open = signal(false);
  readonly playing = signal(false);
  readonly rate = signal(USUAL_RATE);
  /** First and last image played, from 0; undefined: all. */
  readonly range = signal<readonly [number, number] | undefined>(undefined);

  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly played: Played) {}

  /** Begin at the object's own speed, or end. */
  toggle(dataset: Dataset | undefined): void {
    if (this.open.peek()) {
      this.close();
      return;
    }
    this.rate.value = rateOf(dataset);
    this.range.value = undefined;
    this.open.value = true;
    this.play();
  }

  play(): void {
    if (this.played.length() < 2) return;
    this.playing.value = true;
    this.next();
  }

  pause(): void {
    clearTimeout(this.timer);
    this.playing.value = false;
  }

  close(): void {
    this.pause();
    this.open.value = false;
  }

  /** Play from here, or up to here. */
  limit(end: "first" | "last"): void {
    const [first, last] = this.limits();
    const index = this.played.index();
    this.range.value = end === "first" ? [index, Math.max(index, last)] : [Math.min(index, first), index];
  }

  limits(): readonly [number, number] {
    return this.range.value ?? [0, this.played.length() - 1];
  }

  private next(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (this.played.isShown()) {
        const [first, last] = this.limits();
        const index = this.played.index() + 1;
        this.played.goTo(index > last || index < first ? first : index);
      }
      this.next();
    }, 1000 / this.rate.peek());
  }
}
