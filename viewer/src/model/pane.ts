/** One viewport of the screen: what it shows, which image of it, and how that looks just now. */

import { batch, computed, effect, signal, untracked } from "@preact/signals";

import type { Frame, SeriesContent } from "@/dicomweb/frames";
import type { Vector } from "@/dicomweb/geometry";
import { Cine } from "@/model/cine";
import { planeOf } from "@/model/planes";
import type { SeriesLibrary, SeriesLoad } from "@/model/seriesLibrary";
import { isSameShowing, type Showing } from "@/model/showing";
import { TimeCurve } from "@/model/timeCurve";
import { PLAIN_COLOURS } from "@/tools/colourMaps";
import { presetsFor } from "@/tools/presets";
import type { PixelReading, Quality, Removal, View, ViewControls } from "@/viewport/contract";

/** The picture in the viewport: the node's preview first, then the diagnostic image, or neither. */
export type Shown =
  | { readonly kind: "preview" }
  | { readonly kind: "loading" }
  | { readonly kind: "ready"; readonly quality: Quality }
  | { readonly kind: "failed" };

/** A plane of the patient: by which name, which of how many (from 0), six cosines, and a point on it, mm. */
export interface Cut {
  readonly plane: "axial" | "coronal" | "sagittal";
  readonly index: number;
  readonly count: number;
  readonly cosines: readonly number[];
  readonly centre: Vector;
}

/** The images of one object in a stack of several, counted from 0, and which of how many loops it is, from 1. */
export interface Loop {
  readonly first: number;
  readonly last: number;
  readonly number: number;
  readonly total: number;
}

/** Undefined where the object has one image, the stack one object, or the images a place in the patient: they are slices. */
export function loopOf(frames: readonly Frame[], sopInstanceUid: string | undefined): Loop | undefined {
  const first = frames.findIndex((frame) => frame.sopInstanceUid === sopInstanceUid);
  const last = frames.findLastIndex((frame) => frame.sopInstanceUid === sopInstanceUid);
  const count = last - first + 1;
  const shown = frames[first];
  if (!shown || count < 2 || count === frames.length || count > shown.numberOfFrames || planeOf(shown)) return undefined;
  const objects = [...new Set(frames.filter(({ numberOfFrames }) => numberOfFrames > 1).map((frame) => frame.sopInstanceUid))];
  return { first, last, number: objects.indexOf(sopInstanceUid ?? "") + 1, total: objects.length };
}

/** Where the next object of a stack begins, or the one before, some of them moving; undefined where there is none, or of slices. */
export function neighbourClip(frames: readonly Frame[], shown: Frame | undefined, step: number): number | undefined {
  if (!shown || planeOf(shown) || !frames.some(({ numberOfFrames }) => numberOfFrames > 1)) return undefined;
  const isOf = ({ sopInstanceUid }: Frame): boolean => sopInstanceUid === shown.sopInstanceUid;
  const next = frames[step > 0 ? frames.findLastIndex(isOf) + 1 : frames.findIndex(isOf) - 1];
  return next && frames.findIndex(({ sopInstanceUid }) => sopInstanceUid === next.sopInstanceUid);
}

const EMPTY: SeriesContent = { frames: [], others: [], slides: [], marked: [] };
const NO_VIEW: View = { window: undefined, zoom: 1, inverted: false };
const NOTICE_MS = 10_000;

let serial = 0;

export class Pane {
  /** Of this pane alone, for as long as it stands. */
  readonly id = `pane-${(serial += 1)}`;
  readonly showing = signal<Showing | undefined>(undefined);
  /** Index of the image shown, from 0. */
  readonly imageIndex = signal(0);
  readonly view = signal<View>(NO_VIEW);
  readonly shown = signal<Shown>({ kind: "preview" });
  /** Under the pointer. */
  readonly pixel = signal<PixelReading | undefined>(undefined);
  /** What lies over the image at a place of it, while something does. */
  valueOver: ((at: PixelReading) => PixelReading["over"]) | undefined;
  readonly loadedImages = signal(0);
  /** About so many bytes of the stack are still to come; 0 when all is here or nothing is known. */
  readonly bytesLeft = signal(0);
  /** Measurements just taken away, for as long as they can be brought back. */
  readonly removed = signal<Removal | undefined>(undefined);
  /** What toolbar and keys talk to; set while a viewport stands in the pane. */
  readonly controls = signal<ViewControls | undefined>(undefined);

  readonly load = computed<SeriesLoad | undefined>(() => {
    const { value: showing } = this.showing;
    return showing && untracked(() => this.library.of(showing.series));
  });
  readonly content = computed<SeriesContent>(() => this.load.value?.content.value ?? EMPTY);
  readonly frame = computed<Frame | undefined>(() => this.content.value.frames[this.imageIndex.value]);
  /** The windows to choose from. */
  readonly presets = computed(() => presetsFor(this.frame.value?.dataset, this.controls.value?.isWithoutValues !== true));
  /** Which object is looked at. */
  readonly object = computed(() => this.frame.value?.sopInstanceUid);
  /** Of the images of several objects, some of them moving, those of the moving one that is looked at. */
  readonly loop = computed<Loop | undefined>(() => loopOf(this.content.value.frames, this.object.value));

  /** The plane that is cut out of the series, where one is. */
  readonly cut = signal<Cut | undefined>(undefined);
  /** Where a plane is to be when it opens: a point of the patient. */
  wishedPoint: Vector | undefined;

  readonly colourMap = signal(PLAIN_COLOURS);
  readonly curve = new TimeCurve();
  readonly cine = new Cine({
    length: () => this.cut.value?.count ?? this.content.peek().frames.length,
    index: () => this.cut.peek()?.index ?? this.imageIndex.peek(),
    loop: () => (this.cut.value ? undefined : this.loop.value && [this.loop.value.first, this.loop.value.last]),
    goTo: (index) => {
      const cut = this.cut.peek();
      if (cut) this.goBy(index - cut.index);
      else this.goTo(index);
    },
    isShown: () => this.shown.peek().kind !== "loading",
  });

  private noticeTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly stopFollowing: () => void;
  private lookedAt: Frame | undefined;

  constructor(
    private readonly library: SeriesLibrary,
    /** The viewport that this one, which nobody sees, shows the images of as it does. */
    readonly copied?: Pane,
  ) {
    this.stopFollowing = effect(() => this.keepPlace(this.content.value.frames));
  }

  show(showing: Showing | undefined): void {
    if (isSameShowing(showing, this.showing.peek())) return;
    batch(() => {
      this.lookedAt = undefined;
      this.imageIndex.value = 0;
      this.loadedImages.value = 0;
      this.bytesLeft.value = 0;
      this.view.value = NO_VIEW;
      this.shown.value = { kind: "preview" };
      this.colourMap.value = PLAIN_COLOURS;
      this.cut.value = undefined;
      this.wishedPoint = undefined;
      this.cine.close();
      this.curve.close();
      this.tell(undefined);
      this.showing.value = showing;
    });
  }

  /** So many images or planes further. */
  goBy(step: number): void {
    const controls = this.controls.peek();
    if (controls?.step) controls.step(step);
    else this.goTo(this.imageIndex.peek() + step);
  }

  /** Go to image `index`, or as near as the stack allows. */
  goTo(index: number): void {
    const last = this.content.peek().frames.length - 1;
    const target = Math.max(0, Math.min(last, index));
    if (last < 0 || target === this.imageIndex.peek()) return;
    this.moved(target);
    this.controls.peek()?.show(target);
  }

  /** Go to the beginning of the next clip or still of a series of clips, or of the one before; false where there is none. */
  goToClip(step: number): boolean {
    const { frames } = this.content.peek();
    const index = neighbourClip(frames, this.frame.peek(), step);
    if (index === undefined) return false;
    this.goToObject(frames[index]?.sopInstanceUid);
    return true;
  }

  /** Go to the first image of an object. */
  goToObject(sopInstanceUid: string | undefined): void {
    const index = this.content.peek().frames.findIndex((frame) => frame.sopInstanceUid === sopInstanceUid);
    if (index < 0) return;
    this.cine.range.value = undefined; // it was of the clip that is left
    this.goTo(index);
  }

  /** The viewport, or somebody for it, went to another image. */
  moved(index: number): void {
    if (index === this.imageIndex.peek()) return;
    batch(() => {
      this.imageIndex.value = index;
      this.shown.value = this.controls.peek() ? { kind: "loading" } : { kind: "preview" };
    });
    this.lookedAt = this.frame.peek();
  }

  /** Say that measurements were taken away, while they can be brought back. */
  tell(removal: Removal | undefined): void {
    clearTimeout(this.noticeTimer);
    this.removed.value = removal;
    if (removal) this.noticeTimer = setTimeout(() => (this.removed.value = undefined), NOTICE_MS);
  }

  undoRemoval(): void {
    this.removed.peek()?.undo();
    this.tell(undefined);
  }

  close(): void {
    this.cine.close();
    this.curve.close();
    clearTimeout(this.noticeTimer);
    this.stopFollowing();
  }

  /** When the series grew, the image that was looked at stays the one looked at. */
  private keepPlace(frames: readonly Frame[]): void {
    untracked(() => {
      const at = frames.findIndex((frame) => isSame(frame, this.lookedAt));
      if (at >= 0) this.imageIndex.value = at;
      else if (this.imageIndex.peek() >= frames.length) this.imageIndex.value = Math.max(0, frames.length - 1);
      if (at < 0 && this.lookedAt && frames.length > 0) this.shown.value = this.controls.peek() ? { kind: "loading" } : { kind: "preview" }; // it was taken out of sight
      this.lookedAt = frames[this.imageIndex.peek()];
    });
  }
}

function isSame(frame: Frame, other: Frame | undefined): boolean {
  return frame.sopInstanceUid === other?.sopInstanceUid && frame.frameNumber === other.frameNumber;
}
