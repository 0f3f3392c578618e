/** A stack of images in one element, on Cornerstone's stack viewport. The generic viewport can take this file's place. */

import { cache, Enums, eventTarget, utilities, type RenderingEngine, type Types } from "@cornerstonejs/core";
import { annotation } from "@cornerstonejs/tools";

import type { Frame } from "@/dicomweb/frames";
import type { Area, Display } from "@/dicomweb/presentation";
import { ownSubtraction, type Subtraction } from "@/dicomweb/subtraction";
import { endsOf, openingOf, widened, type Preset } from "@/tools/presets";
import { PLAIN_COLOURS } from "@/tools/colourMaps";
import type { ToolName } from "@/tools/palette";
import type { Point, Quality, Removal, StackListener, StackView, View } from "@/viewport/contract";
import { showOnEveryForm } from "@/viewport/forms";
import { enable, ENGINE, followSize, renderingEngine, type Fitting } from "@/viewport/engine";
import { differenceImageId, masksOf } from "@/viewport/differenceLoader";
import { besideTheMiddle } from "@/viewport/chestWall";
import { isCoarse } from "@/viewport/coarse";
import { isLong, loadFrame, release } from "@/viewport/frameLoader";
import { keepColours, resetGreys, resetWindow, setColours } from "@/viewport/greys";
import { Measurements } from "@/viewport/measurements";
import { imageIdOf, isOneImage, nextImageId, register, RENDERED, unregister } from "@/viewport/metadata";
import { pixelAt } from "@/viewport/pixelValue";
import { ReadAhead } from "@/viewport/readAhead";
import type { RegionValues } from "@/viewport/sampling";
import { StackBytes } from "@/viewport/stackBytes";
import { stopWaiting } from "@/viewport/stackLoading";
import { QUARTER, StackPose, WHOLE_WITHIN } from "@/viewport/stackPose";
import { curveOf, pixelsIn } from "@/viewport/timeCurve";
import { ToolHand } from "@/viewport/toolGroup";
import { enlarge, followWheel, scaleOf } from "@/viewport/zooming";

const { Events, RequestType, ViewportType } = Enums;

const SHARE_OF_CACHE = 0.8; // read-ahead leaves room for the image being asked for

let serial = 0;

export class CornerstoneStackView implements StackView, Fitting {
  private readonly viewportId: string;
  private readonly engine: RenderingEngine;
  private readonly viewport: Types.IStackViewport;
  private readonly pose: StackPose;
  private readonly hand: ToolHand;
  private readonly measurements: Measurements;
  private readonly stopFollowing: () => void;
  private readonly closing = new AbortController();

  private frames: readonly Frame[] = [];
  private imageIds: string[] = [];
  private readAhead: ReadAhead | undefined;
  private awaitsPaint: { readonly index: number; readonly quality: Quality } | undefined;
  private readonly bytes = new StackBytes(
    () => this.imageIds,
    () => this.frames[0]?.dataset,
    (count, left) => this.listener.loaded(count, left),
  );
  /** Identifier of the image painted last. */
  private painted: string | undefined;

  constructor(
    private readonly element: HTMLDivElement,
    private readonly listener: StackListener,
  ) {
    serial += 1;
    this.viewportId = `stack-${serial}`;
    this.engine = renderingEngine();
    enable({
      viewportId: this.viewportId,
      type: ViewportType.STACK,
      element,
      defaultOptions: { background: [0, 0, 0] },
    });
    this.viewport = this.engine.getViewport(this.viewportId) as Types.IStackViewport;
    this.hand = new ToolHand(`hand-${serial}`, this.viewportId, ENGINE, (done) => listener.askText(done));
    this.measurements = new Measurements(element, this.viewport, this.hand, {
      isShown: ({ metadata }) => isOneImage(metadata?.referencedImageId, this.viewport.getCurrentImageId()),
      isOwn: ({ metadata }) => this.imageIds.some((imageId) => isOneImage(metadata?.referencedImageId, imageId)),
    });
    this.pose = new StackPose(element, this.viewport);
    showOnEveryForm(this.viewport);
    keepColours(this.viewport);
    this.stopFollowing = followSize(element, this);
    this.listen();
  }

  setStack(frames: readonly Frame[], index: number): void {
    const grown = this.frames.length > 0 && this.frames[0]?.seriesInstanceUid === frames[0]?.seriesInstanceUid;
    const kept = grown ? { seen: this.viewport.getViewPresentation(), shown: this.viewport.getProperties() } : undefined;
    for (const frame of this.frames) unregister(frame);
    for (const frame of frames) register(frame);
    this.frames = frames;
    this.imageIds = frames.map((frame) => this.imageIdOf(frame));
    this.startReadAhead();
    this.bytes.follow(index);
    void this.load(index).then(() => {
      if (this.frames !== frames) return;
      if (!kept) {
        this.dress();
        return;
      }
      this.viewport.setViewPresentation(kept.seen);
      const { voiRange, invert, isComputedVOI } = kept.shown;
      this.viewport.setProperties({
        ...(voiRange && !isComputedVOI && { voiRange }),
        ...(invert !== undefined && { invert }),
      });
      this.viewport.render();
    });
  }

  /** What is taken away from each image before it is shown. */
  private masks: (frame: Frame) => Subtraction | undefined = ownSubtraction;

  private imageIdOf(frame: Frame): string {
    const how = this.masks(frame);
    return how ? differenceImageId(frame, how) : imageIdOf(frame);
  }

  async subtract(masks: (frame: Frame) => Subtraction | undefined): Promise<void> {
    this.masks = masks;
    const wanted = this.frames.map((frame) => this.imageIdOf(frame));
    if (wanted.every((imageId, index) => imageId === this.imageIds[index])) return;
    const seen = this.viewport.getViewPresentation();
    this.imageIds = wanted;
    this.startReadAhead();
    await this.load(this.viewport.getCurrentImageIdIndex());
    if (this.closing.signal.aborted) return;
    this.viewport.setViewPresentation(seen);
    resetGreys(this.viewport); // greys of another kind
    this.dress();
    this.viewport.render();
  }

  show(index: number): void {
    if (index === this.viewport.getTargetImageIdIndex() && index === this.viewport.getCurrentImageIdIndex()) return;
    this.viewport.setImageIdIndex(index).catch(() => this.failedUnnamed());
    this.went(index);
  }

  setTool(tool: ToolName): void {
    this.measurements.drop();
    this.hand.take(tool);
  }

  applyPreset(preset: Preset): void {
    if (preset.kind === "stored") {
      resetWindow(this.viewport);
    } else {
      const voiRange = preset.kind === "full" ? this.fullRange() : endsOf(preset);
      if (voiRange) this.viewport.setProperties({ voiRange });
    }
    this.viewport.render();
  }

  zoomBy(factor: number, at?: readonly [number, number]): void {
    enlarge(this.viewport, this.element, factor, at);
  }

  singly(): void {
    const { scale } = this.view();
    if (scale !== undefined && scale > 0) this.zoomBy(1 / scale);
  }

  invert(): void {
    this.viewport.setProperties({ invert: this.viewport.getProperties().invert !== true });
    this.viewport.render();
  }

  rotate(): void {
    const { rotation = 0 } = this.viewport.getViewPresentation();
    this.viewport.setViewPresentation({ rotation: (rotation + QUARTER) % (4 * QUARTER) });
    this.viewport.render();
  }

  flipHorizontal(): void {
    this.flip("flipHorizontal");
  }

  flipVertical(): void {
    this.flip("flipVertical");
  }

  private flip(axis: "flipHorizontal" | "flipVertical"): void {
    this.viewport.setCamera({ [axis]: this.viewport.getCamera()[axis] !== true });
    this.viewport.render();
  }

  setColourMap(name: string): void {
    setColours(this.viewport, name);
    this.viewport.render();
  }

  toCanvas(world: Point): readonly [number, number] | undefined {
    if (this.painted === undefined) return undefined;
    return this.viewport.worldToCanvas([...world]);
  }

  imageToCanvas(place: readonly [number, number]): readonly [number, number] | undefined {
    return this.pose.toCanvas(place);
  }

  displayedArea(): Area | undefined {
    return this.pose.area();
  }

  display({ window, inverted, rotation, flipped, area }: Display): void {
    this.reset();
    if (window) this.viewport.setProperties({ voiRange: widened(utilities.windowLevel.toLowHighRange(window.width, window.center)) });
    if (inverted !== undefined) {
      const own = this.viewport.getCornerstoneImage()?.invert === true;
      this.viewport.setProperties({ invert: inverted !== own });
    }
    this.pose.turnTo(rotation, flipped);
    if (area) this.pose.fitTo(area);
    this.viewport.render();
  }

  regionOver(
    frames: readonly Frame[],
    progress: (done: number) => void,
    signal: AbortSignal,
  ): Promise<readonly RegionValues[]> | undefined {
    const drawn = this.measurements.region();
    const data = this.viewport.getImageData();
    const pixels = drawn && data ? pixelsIn(drawn, data as Types.IImageData) : undefined;
    return pixels && pixels.length > 0 ? curveOf(frames, pixels, progress, signal) : undefined;
  }

  undo(): void {
    this.measurements.undo();
  }

  redo(): void {
    this.measurements.redo();
  }

  isWhole(): boolean {
    if (!this.viewport.getCornerstoneImage()) return false;
    const [right, down] = this.viewport.getPan();
    return Math.abs(this.viewport.getZoom() - 1) < WHOLE_WITHIN && Math.abs(right - this.aside) < 1 && Math.abs(down) < 1;
  }

  /** How far a whole image stands beside the middle, CSS pixels. */
  private aside = 0;

  /** Where a whole image belongs. */
  private settle(): void {
    const aside = besideTheMiddle(this.viewport, this.frames[this.viewport.getCurrentImageIdIndex()]?.dataset);
    if (aside === 0 && this.aside === 0) return;
    this.aside = aside;
    this.viewport.setPan([aside, 0]);
  }

  fit(): void {
    const turned = this.viewport.getViewPresentation({ rotation: true, flipHorizontal: true, flipVertical: true });
    this.viewport.resetCamera(); // which turns it back, too
    this.viewport.setViewPresentation(turned);
    this.settle();
    this.viewport.render();
  }

  reset(): void {
    if (!this.hasImage()) return;
    this.viewport.setCamera({ flipHorizontal: false, flipVertical: false });
    this.viewport.setViewPresentation({ rotation: 0 });
    this.viewport.setProperties({ colormap: { name: PLAIN_COLOURS } });
    this.viewport.resetCamera();
    this.settle();
    resetGreys(this.viewport);
    this.dress();
    this.viewport.render();
  }

  /** Window and greys as readers of this kind of images expect them. */
  private dress(): void {
    const { range, inverted } = openingOf(this.frames[this.viewport.getCurrentImageIdIndex()]?.dataset);
    if (!range && !inverted) return;
    if (this.viewport.getCurrentImageId()?.startsWith(RENDERED)) return; // the node's picture has its own
    this.viewport.setProperties({ ...(range && { voiRange: range }), ...(inverted && { invert: true }) });
    this.viewport.render();
  }

  clear(): Removal | undefined {
    return this.measurements.remove();
  }

  letGo(): void {
    this.measurements.drop();
    this.measurements.unchoose();
    this.viewport.render();
  }

  close(): void {
    this.closing.abort();
    this.readAhead?.stop();
    stopWaiting(this.viewportId);
    this.bytes.follow();
    this.stopFollowing();
    this.measurements.close();
    this.hand.close();
    this.engine.disableElement(this.viewportId);
    for (const frame of this.frames) unregister(frame);
  }

  private listen(): void {
    const on = <Detail>(target: EventTarget, name: string, react: (detail: Detail) => void): void => {
      const options = { signal: this.closing.signal };
      const heard = (event: Event): void => {
        if (!options.signal.aborted) react((event as CustomEvent<Detail>).detail); // the common target knows no signals
      };
      target.addEventListener(name, heard, options);
      options.signal.addEventListener("abort", () => target.removeEventListener(name, heard));
    };
    on<Types.EventTypes.StackViewportScrollEventDetail>(this.element, Events.STACK_VIEWPORT_SCROLL, (detail) => {
      this.listener.moved(detail.newImageIdIndex);
      this.went(detail.newImageIdIndex);
    });
    on<Types.EventTypes.StackNewImageEventDetail>(this.element, Events.STACK_NEW_IMAGE, ({ imageIdIndex: index, image }) => {
      if (this.isWhole()) this.settle();
      const quality = isCoarse(image) ? "partial" : this.qualityOf(index);
      this.awaitsPaint = { index, quality };
      if (quality === "partial") this.bytes.tell();
      else this.readAhead?.arrived(index);
    });
    on(this.element, Events.IMAGE_RENDERED, () => this.rendered());
    for (const name of [Events.VOI_MODIFIED, Events.CAMERA_MODIFIED]) on(this.element, name, () => this.tellView());
    // This event comes on the common target, for the images of every viewport.
    on<{ imageId?: string }>(eventTarget as unknown as EventTarget, Events.IMAGE_LOAD_ERROR, (detail) => {
      if (detail.imageId === undefined) this.failedUnnamed(); // loaded, but it could not be drawn
      const index = this.imageIds.indexOf(detail.imageId ?? "");
      if (index >= 0) this.loadFailed(index);
    });
    for (const name of ["mousedown", "mousemove", "touchstart"]) {
      const hold = (event: Event): void => void (this.hasImage() || event.stopPropagation()); // what is drawn now would lie anywhere
      this.element.addEventListener(name, hold, { signal: this.closing.signal, capture: true });
    }
    followWheel(this.element, (factor, at) => this.zoomBy(factor, at), this.closing.signal);
    const point = (event: PointerEvent): void => {
      const box = this.element.getBoundingClientRect();
      this.listener.pointed(pixelAt(this.viewport, [event.clientX - box.left, event.clientY - box.top]));
    };
    const aim = (event: PointerEvent): void => {
      if (this.hand.holds !== "crosshair" || !event.isPrimary || (event.buttons & 1) === 0) return;
      const box = this.element.getBoundingClientRect();
      const [x, y, z] = this.viewport.canvasToWorld([event.clientX - box.left, event.clientY - box.top]);
      this.listener.aimed([x, y, z]);
    };
    for (const name of ["pointerdown", "pointermove"] as const) {
      this.element.addEventListener(name, aim, { signal: this.closing.signal });
    }
    this.element.addEventListener("pointermove", point, { signal: this.closing.signal });
    this.element.addEventListener("pointerleave", () => this.listener.pointed(undefined), { signal: this.closing.signal });
    this.element.addEventListener("contextmenu", (event) => event.preventDefault(), { signal: this.closing.signal });
  }

  /** Before, nothing has a size or a place in the patient; the node's picture stands over the empty viewport. */
  private hasImage(): boolean {
    return this.viewport.getImageData() !== undefined;
  }

  private tellView(): void {
    if (this.hasImage()) this.listener.viewed(this.view());
  }

  private rendered(): void {
    this.tellView();
    if (!this.awaitsPaint) return;
    const { index, quality } = this.awaitsPaint;
    this.awaitsPaint = undefined;
    this.painted = this.imageIds[index];
    this.listener.painted(index, quality);
    if (this.painted !== undefined && quality === "diagnostic") this.measurements.painted(this.painted);
    if (quality !== "partial") this.readAhead?.around(index); // not earlier: the first image has the link for itself
  }

  private qualityOf(index: number): Quality {
    return this.imageIds[index]?.startsWith(RENDERED) ? "rendered" : "diagnostic";
  }

  private view(): View {
    const { voiRange, invert } = this.viewport.getProperties();
    const image = this.viewport.getCornerstoneImage();
    const colour = image?.color === true;
    const window = voiRange && !colour && utilities.windowLevel.toWindowLevel(voiRange.lower, voiRange.upper);
    return {
      window: window ? { center: window.windowCenter, width: window.windowWidth } : undefined,
      zoom: this.viewport.getZoom() || 1,
      ...scaleOf(this.viewport, this.frames[this.viewport.getCurrentImageIdIndex()]),
      ...this.pose.told(),
      masks: masksOf(image?.imageId ?? ""),
      inverted: (invert === true) !== (image?.invert === true),
    };
  }

  private fullRange(): Types.VOIRange | undefined {
    const image = this.viewport.getCornerstoneImage();
    return image && widened({ lower: image.minPixelValue, upper: image.maxPixelValue });
  }

  /** What the browser cannot decode is shown as the node's picture; when that fails too, the reader is told. */
  private loadFailed(index: number): void {
    const frame = this.frames[index];
    const next = frame && nextImageId(frame, this.imageIds[index] ?? "");
    if (next === undefined) {
      if (index === this.viewport.getCurrentImageIdIndex()) this.listener.failed(index);
      return;
    }
    this.imageIds[index] = next;
    if (index === this.viewport.getCurrentImageIdIndex()) void this.load(index);
  }

  /** Something broke and nobody says where: when an image is awaited it is taken to be that one, never waited for in vain. */
  private failedUnnamed(): void {
    const index = this.viewport.getCurrentImageIdIndex();
    const imageId = this.imageIds[index];
    if (imageId !== undefined && imageId !== this.painted && !this.closing.signal.aborted) this.loadFailed(index);
  }

  private async load(index: number): Promise<void> {
    try {
      await this.viewport.setStack(this.imageIds, index);
    } catch {
      this.failedUnnamed();
    }
  }

  /** The reader is at another image: the bytes of this one are told, and read ahead from here. */
  private went(index: number): void {
    this.bytes.follow(index);
    this.readAhead?.goTo(index);
  }

  private startReadAhead(): void {
    this.readAhead?.stop();
    this.bytes.count = 0;
    const { imageIds } = this;
    this.readAhead = new ReadAhead(imageIds.length, {
      hasRoom: () => cache.getCacheSize() < cache.getMaxCacheSize() * SHARE_OF_CACHE,
      progress: (count) => {
        this.bytes.count = count;
        this.bytes.tell();
      },
      isLong: (index) => isLong(imageIds[index] ?? ""),
      giveUp: (index) => release(imageIds[index] ?? ""),
      load: async (index) => {
        const imageId = imageIds[index];
        if (imageId === undefined) return;
        const options = { requestType: RequestType.Prefetch, priority: 0, additionalDetails: { imageId } };
        await loadFrame(imageId, options);
      },
    });
  }
}

/** Remove every measurement of every stack. */
export function forgetMeasurements(): void {
  annotation.state.removeAllAnnotations();
}
