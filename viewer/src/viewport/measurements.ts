/** What is measured and written in one viewport: which of them count, which one is chosen, and taking them away. */

import { annotation, Enums, LengthTool, utilities, type Types as ToolTypes } from "@cornerstonejs/tools";
import { eventTarget, utilities as coreUtilities, type Types } from "@cornerstonejs/core";

import { language } from "@/i18n";
import type { Removal } from "@/viewport/contract";
import { enclosesRegion } from "@/viewport/planeRegions";
import { ANNOTATION_NAMES, type Hand } from "@/viewport/toolGroup";

const SHORTEST_PX = 3; // on the screen; less is a tap or a slip of the hand

type Measurement = ToolTypes.Annotation;

/** Which measurements are whose. */
export interface Ownership {
  /** Drawn on what the viewport shows at this moment. */
  isShown(one: Measurement): boolean;
  /** Drawn on any of what the viewport can show. */
  isOwn(one: Measurement): boolean;
}

/** Where the reader's hand came down last: what is being drawn is drawn there, and given up there. */
let underHand: HTMLDivElement | undefined;

/** A tool while it draws. */
interface Drawing {
  readonly editData?: { readonly annotation: Measurement; readonly newAnnotation?: boolean; readonly hasMoved?: boolean } | null;
  /** Of an angle: it has its first line at most, and the next stroke draws the second. */
  readonly angleStartedNotYetCompleted?: boolean;
  cancel(element: HTMLDivElement): unknown;
}

const { Events } = Enums;
const { state, selection } = annotation;
const history = coreUtilities.HistoryMemo.DefaultHistoryMemo;

/** Cornerstone keeps what is gone among the chosen ones, and breaks on it later. */
function discard({ annotationUID }: Measurement): void {
  if (!annotationUID || !state.getAnnotation(annotationUID)) return;
  selection.setAnnotationSelected(annotationUID, false);
  state.removeAnnotation(annotationUID);
}

export class Measurements {
  private readonly closing = new AbortController();

  constructor(
    private readonly element: HTMLDivElement,
    private readonly viewport: Pick<Types.IViewport, "id" | "render" | "worldToCanvas">,
    private readonly hand: Hand,
    private readonly ownership: Ownership,
  ) {
    const { signal } = this.closing;
    const listen = (target: EventTarget, name: string, react: (event: Event) => void, capture = false): void =>
      target.addEventListener(name, react, { signal, capture });
    // Before Cornerstone looks: what was chosen is so no longer, unless the pointer is on it.
    listen(element, "pointerdown", (event) => this.pressed(event as PointerEvent), true);
    listen(element, "pointerup", (event) => this.lifted(event as PointerEvent));
    for (const name of ["pointerdown", "touchstart"]) listen(element, name, () => (underHand = element), true);
    listen(element, "touchstart", (event) => (event as TouchEvent).touches.length > 1 && this.drop(), true);
    // The mouse click which browsers make of a tap would begin another.
    listen(element, "touchend", (event) => this.hand.annotating && event.cancelable && event.preventDefault(), true);
    listen(document, "touchend", () => setTimeout(() => this.isHalfAnAngle || this.drop())); // after Cornerstone has ended a whole one
    listen(document, "touchcancel", () => this.drop(), true);
    const completed = (): void => void setTimeout(() => signal.aborted || this.sweep());
    eventTarget.addEventListener(Events.ANNOTATION_COMPLETED, completed);
    signal.addEventListener("abort", language.subscribe(() => this.redraw())); // their texts are drawn, not rendered
    signal.addEventListener("abort", () => eventTarget.removeEventListener(Events.ANNOTATION_COMPLETED, completed));
  }

  private get isHalfAnAngle(): boolean {
    const tool = underHand === this.element ? (this.hand.annotating as Drawing | undefined) : undefined;
    return tool?.angleStartedNotYetCompleted === true && tool.editData?.hasMoved === true;
  }

  /** Give up the measurement that is being drawn. */
  drop(): void {
    const tool = underHand === this.element ? (this.hand.annotating as Drawing | undefined) : undefined;
    const drawing = tool?.editData;
    if (!tool || !drawing) return;
    tool.cancel(this.element);
    if (drawing.newAnnotation) discard(drawing.annotation);
    this.redraw();
  }

  private pressedAt: readonly [number, number] | undefined;
  /** What the hand came down on, and how it was then. */
  private grasped: { readonly uid: string; readonly points: Types.Point3[] } | undefined;

  /** The handles of the chosen one stay in reach of every tool; all else of it only of the measuring ones. */
  private pressed(event: PointerEvent): void {
    const place = this.placeOf(event);
    this.pressedAt = event.isPrimary ? place : undefined;
    const under = this.hand.at?.(this.element, place);
    const points = under === undefined ? undefined : state.getAnnotation(under)?.data.handles?.points;
    this.grasped = under !== undefined && points ? { uid: under, points: structuredClone(points) } : undefined;
    if (under === undefined || !selection.isAnnotationSelected(under)) this.unchoose();
  }

  /** A click, which moved nothing, chooses what is under it. */
  private lifted(event: PointerEvent): void {
    const [from, place] = [this.pressedAt, this.placeOf(event)];
    this.pressedAt = undefined;
    setTimeout(() => this.closing.signal.aborted || this.unfold()); // after Cornerstone has moved it
    if (!from || this.hand.measures === true || Math.hypot(place[0] - from[0], place[1] - from[1]) > SHORTEST_PX) return;
    const under = this.hand.at?.(this.element, place);
    if (under === undefined) return;
    selection.setAnnotationSelected(under, true);
    this.redraw();
  }

  private placeOf({ clientX, clientY }: PointerEvent): readonly [number, number] {
    const box = this.element.getBoundingClientRect();
    return [clientX - box.left, clientY - box.top];
  }

  unchoose(): void {
    for (const uid of selection.getAnnotationsSelected()) {
      if (state.getAnnotation(uid)) selection.setAnnotationSelected(uid, false);
    }
  }

  /** Remove the chosen one of what is shown, or all of this viewport's; undefined when there is none. */
  remove(): Removal | undefined {
    this.drop();
    const all = this.all((one) => this.ownership.isOwn(one));
    const chosen = all.filter(
      (one) =>
        one.annotationUID !== undefined && selection.isAnnotationSelected(one.annotationUID) && this.ownership.isShown(one),
    );
    const removed = chosen.length > 0 ? chosen : all;
    for (const one of removed) discard(one);
    this.viewport.render();
    if (removed.length > 0) this.remember(removed);
    return removed.length === 0 ? undefined : { count: removed.length, undo: () => this.restore(removed) };
  }

  /** The region shown that is chosen, else the one drawn last; undefined when there is none. */
  region(): Measurement | undefined {
    const shown = this.all((one) => enclosesRegion(one.metadata?.toolName ?? "") && this.ownership.isShown(one));
    const chosen = shown.find(({ annotationUID }) => annotationUID !== undefined && selection.isAnnotationSelected(annotationUID));
    return chosen ?? shown.at(-1);
  }

  /** The image is on the screen: what could not be measured before its pixels were here is measured now. */
  painted(imageId: string): void {
    const stats = ({ data }: Measurement): { area?: unknown } | undefined =>
      (data as { cachedStats?: Record<string, { area?: unknown }> }).cachedStats?.[`imageId:${imageId}`];
    const waiting = state
      .getAllAnnotations()
      .filter((one) => one.metadata?.referencedImageId === imageId && stats(one)?.area === null);
    for (const one of waiting) one.invalidated = true;
    if (waiting.length > 0) this.redraw();
  }

  /** Their figures are those of something else now. */
  recalculate(): void {
    for (const one of this.all((drawn) => this.ownership.isOwn(drawn))) one.invalidated = true;
    this.redraw();
  }

  undo(): void {
    this.drop();
    history.undo();
    this.redraw();
  }

  redo(): void {
    history.redo();
    this.redraw();
  }

  /** What was taken away comes back by undoing, like every other change. */
  private remember(removed: readonly Measurement[]): void {
    history.push({
      restoreMemo: (undo?: boolean) => {
        if (undo) this.restore(removed);
        else for (const one of removed) discard(one);
      },
    });
  }

  close(): void {
    this.drop();
    this.unchoose();
    this.closing.abort();
  }

  private restore(removed: readonly Measurement[]): void {
    if (this.closing.signal.aborted) return;
    for (const one of removed) {
      if (one.annotationUID && !state.getAnnotation(one.annotationUID)) state.addAnnotation(one, this.element);
    }
    this.viewport.render();
  }

  /** What was whole before the hand drew its ends together is as it was. */
  private unfold(): void {
    const { grasped } = this;
    this.grasped = undefined;
    const one = grasped && state.getAnnotation(grasped.uid);
    if (!grasped || !one?.data.handles || !this.isTooShort(one)) return;
    one.data.handles.points = grasped.points;
    one.invalidated = true;
    this.redraw();
  }

  private isTooShort(one: Measurement): boolean {
    return one.metadata?.toolName === LengthTool.toolName && this.length(one) < SHORTEST_PX;
  }

  /** Remove what is too short to be meant. */
  private sweep(): void {
    for (const one of this.all((drawn) => this.ownership.isShown(drawn))) {
      if (this.isTooShort(one) && one.annotationUID !== this.grasped?.uid) discard(one);
    }
    this.redraw();
  }

  /** In two frames, when what Cornerstone had begun to draw is drawn. */
  private redraw(): void {
    const draw = (): void => {
      if (!this.closing.signal.aborted) utilities.triggerAnnotationRenderForViewportIds([this.viewport.id]);
    };
    requestAnimationFrame(() => requestAnimationFrame(draw));
  }

  /** In pixels of the screen. */
  private length({ data }: Measurement): number {
    const [from, to] = (data.handles?.points ?? []).map((point) => this.viewport.worldToCanvas(point));
    return from && to ? Math.hypot(from[0] - to[0], from[1] - to[1]) : 0;
  }

  private all(wanted: (one: Measurement) => boolean): Measurement[] {
    return state
      .getAllAnnotations()
      .filter((one) => ANNOTATION_NAMES.has(one.metadata?.toolName ?? "") && one.isLocked !== true && wanted(one));
  }
}
