/** Playing a stack: its speed, the part that is played, forwards and round again. */

import { signal } from "@preact/signals";

import { number, type Dataset } from "@/dicomweb/json";
import { count, record } from "@/model/decode";

const FRAME_TIME = "00181063"; // milliseconds
const CINE_RATE = "00180040";
const DISPLAY_RATE = "00082144";
const USUAL_RATE = 10;
export const RATE_MAX = 60;
const MEASURED_MS = 3000;

/** How fast a person likes to have images played: images per second. `always`: also those that ask for another speed. */
export interface CineHabit {
  readonly rate: number;
  readonly always: boolean;
}

/** Under this name it is kept among a person's preferences. */
export const CINE = "cine";

/** What was kept, whoever wrote it; else ten, and what the images ask for. */
export function cineFrom(kept: unknown): CineHabit {
  const { rate, always } = record(kept);
  return { rate: Math.min(RATE_MAX, count(rate)) || USUAL_RATE, always: always === true };
}

/** Images per second that the object asks for (PS3.3 C.7.6.5.1.1), else those of the habit. */
export function rateOf(dataset: Dataset | undefined, habit: CineHabit = cineFrom(undefined)): number {
  if (habit.always) return habit.rate;
  const time = dataset && number(dataset, FRAME_TIME);
  const rate = (dataset && (number(dataset, DISPLAY_RATE) ?? number(dataset, CINE_RATE))) ?? (time ? 1000 / time : 0);
  return rate > 0 ? Math.max(1, Math.min(RATE_MAX, Math.round(rate))) : habit.rate;
}

interface Played {
  /** How many images there are, and which is shown. */
  length(): number;
  index(): number;
  /** First and last image of the loop that is looked at, where the stack has more than that one. */
  loop(): readonly [number, number] | undefined;
  goTo(index: number): void;
  /** The image gone to is on the screen: what cannot keep pace plays slower and leaves nothing out. */
  isShown(): boolean;
}

export class Cine {
  /** The bar with its controls is on the screen. */
  readonly open = signal(false);
  readonly playing = signal(false);
  readonly rate = signal(USUAL_RATE);
  /** First and last image played, from 0; undefined: the loop that is looked at, else all. */
  readonly range = signal<readonly [number, number] | undefined>(undefined);

  /** Images per second that the screen really reached of late; undefined while too few were played. */
  readonly reached = signal<number | undefined>(undefined);

  private timer: ReturnType<typeof setTimeout> | undefined;
  /** When images were gone to, ms. */
  private went: number[] = [];
  private due = 0;

  constructor(private readonly played: Played) {}

  /** Begin at the object's own speed, or end. */
  toggle(dataset: Dataset | undefined, habit?: CineHabit): void {
    if (this.open.peek()) {
      this.close();
      return;
    }
    this.rate.value = rateOf(dataset, habit);
    this.range.value = undefined;
    this.open.value = true;
    this.play();
  }

  play(): void {
    if (this.played.length() < 2) return;
    this.playing.value = true;
    this.went = [];
    this.reached.value = undefined;
    this.due = performance.now();
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
    return this.range.value ?? this.played.loop() ?? [0, this.played.length() - 1];
  }

  private next(): void {
    clearTimeout(this.timer);
    const now = performance.now();
    this.due = Math.max(now, this.due + 1000 / this.rate.peek()); // what the last one took is not waited for again
    this.timer = setTimeout(() => {
      if (this.played.isShown()) {
        this.measure();
        const [first, last] = this.limits();
        const index = this.played.index() + 1;
        this.played.goTo(index > last || index < first ? first : index);
      }
      this.next();
    }, this.due - now);
  }

  private measure(): void {
    const now = performance.now();
    this.went = [...this.went, now].filter((moment) => now - moment <= MEASURED_MS);
    const [first = now] = this.went;
    if (now - first > MEASURED_MS / 3) this.reached.value = ((this.went.length - 1) * 1000) / (now - first);
  }
}
