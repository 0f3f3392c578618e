/** Loads the images of a stack before they are asked for: the nearest to the one being looked at first. */

import { isAborted } from "@/dicomweb/http";

export interface ReadAheadOptions {
  /** Load image `index`; rejects when it cannot be loaded. */
  load(index: number): Promise<void>;
  /** Give up image `index`, which is on its way. */
  giveUp(index: number): void;
  /** Whether there is still room for another image. */
  hasRoom(): boolean;
  /** Whether an image takes long to come. */
  isLong(index: number): boolean;
  /** So many images are loaded. */
  progress(count: number): void;
}

const FAR = 12; // images; what is on its way beyond is given up when the reader goes on
const FAR_LONG = 1; // where they take long
const AT_ONCE = 3; // leaves browser connections for the image the reader asks for
const AT_ONCE_LONG = 1;

export class ReadAhead {
  private readonly done = new Set<number>();
  private readonly failed = new Set<number>();
  private readonly running = new Set<number>();
  private center = 0;
  private awaited: number | undefined;
  private stopped = false;

  constructor(
    private readonly length: number,
    private readonly options: ReadAheadOptions,
  ) {}

  /** The reader is at an image, which is on its way: where it takes long, nothing else begins before it is here. */
  goTo(index: number): void {
    this.center = index;
    this.awaited = this.options.isLong(index) ? index : undefined;
    for (const one of this.running) {
      const far = this.options.isLong(one) ? FAR_LONG : FAR;
      if (Math.abs(one - index) > far) this.options.giveUp(one);
    }
    this.pump();
  }

  /** The image looked at is on the screen, whole: read ahead from here on. */
  around(index: number): void {
    this.goTo(index);
    this.awaited = undefined;
    this.pump();
  }

  /** The image came by another way. */
  arrived(index: number): void {
    if (this.done.has(index)) return;
    this.done.add(index);
    this.options.progress(this.done.size);
  }

  stop(): void {
    this.stopped = true;
    for (const one of this.running) this.options.giveUp(one);
  }

  private pump(): void {
    while (!this.stopped && this.awaited === undefined && this.options.hasRoom()) {
      const index = this.next();
      if (index === undefined || this.running.size >= (this.options.isLong(index) ? AT_ONCE_LONG : AT_ONCE)) return;
      void this.run(index);
    }
  }

  private async run(index: number): Promise<void> {
    this.running.add(index);
    try {
      await this.options.load(index);
      if (!this.stopped) this.arrived(index);
    } catch (error) {
      if (!isAborted(error)) this.failed.add(index); // told when the reader comes to it
    } finally {
      this.running.delete(index);
      this.pump();
    }
  }

  private next(): number | undefined {
    for (let distance = 0; distance < this.length; distance += 1) {
      const index = [this.center + distance, this.center - distance].find((one) => this.isWanted(one));
      if (index !== undefined) return index;
    }
    return undefined;
  }

  private isWanted(index: number): boolean {
    const inStack = index >= 0 && index < this.length;
    return inStack && !this.done.has(index) && !this.failed.has(index) && !this.running.has(index);
  }
}
