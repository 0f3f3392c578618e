/** Saved display states of the study: which there are, which is shown where, and saving how an image is displayed. */

import { computed, effect, signal, untracked } from "@preact/signals";

import { Failure, isOutOfReach } from "@/dicomweb/http";
import { Tag, text, type Dataset } from "@/dicomweb/json";
import { type Measured, wireForm } from "@/dicomweb/measured";
import { objectPath } from "@/dicomweb/client";
import type { Frame } from "@/dicomweb/frames";
import { blendingItem, displayOf, imagesOf, isAbout, isBlending, isPresentation, isShownHere, needsNodesPicture, referencesOf, seriesOf, type Area, type Display } from "@/dicomweb/presentation";
import { reachable } from "@/dicomweb/reach";
import { ownSubtraction, subtractionIn, type Subtraction } from "@/dicomweb/subtraction";
import { n } from "@/i18n";
import { blendingOf, OF_STATE } from "@/model/blending";
import { fusion } from "@/model/fusion";
import type { Pane } from "@/model/pane";
import type { SavingState } from "@/model/saving";
import { newRequestId } from "@/model/unanswered";
import type { Workspace } from "@/model/workspace";

interface Shown {
  readonly pane: Pane;
  readonly state: Dataset;
}

export class Presenting {
  readonly saved = signal<SavingState>({ kind: "idle" });
  /** Of the study that the active viewport shows. */
  readonly states = computed(() => {
    const { active, beside, saving } = this.workspace;
    const pane = active.value;
    const objects = beside.holds(pane) ? beside.objectsOf(pane.showing.value?.series.studyInstanceUid ?? "") : saving.objects.value;
    return objects.filter(isPresentation);
  });
  /** What is shown through a state; nothing once the viewport shows another series, or is reset. */
  readonly shown = signal<Shown | undefined>(undefined);

  private readonly wanted = signal<Shown | undefined>(undefined);
  /** The blending state that only the node can make a picture of. */
  private readonly unlaid = signal<Dataset | undefined>(undefined);
  private laid: Shown | undefined;
  /** Sent, and not known to be taken: the same again is one state. */
  private sent: { readonly text: string; readonly requestId: string } | undefined;
  private readonly stops: (() => void)[];

  constructor(private readonly workspace: Workspace) {
    const { study } = workspace;
    this.stops = [
      effect(() => this.followWish()),
      effect(() => this.blend()),
      study.errands?.follow(({ studyInstanceUid, kind }) => {
        const isOurs = studyInstanceUid === study.studyInstanceUid && kind === "presentation-states";
        if (isOurs && this.saved.peek().kind === "waiting") this.saved.value = { kind: "saved" };
      }) ?? (() => {}),
    ];
  }

  private followWish(): void {
    const wanted = this.wanted.value;
    if (!wanted) return;
    const { frames } = wanted.pane.content.value;
    const index = frames.findIndex((frame) => isAbout(wanted.state, frame));
    const [controls, shown] = [wanted.pane.controls.value, wanted.pane.shown.value];
    if (index < 0 || !controls) return;
    if (wanted.pane.imageIndex.value !== index) untracked(() => wanted.pane.goTo(index));
    else if (shown.kind === "ready") untracked(() => void this.apply(wanted));
  }

  /** Show what the state is about as it says, in the active viewport. */
  choose(state: Dataset): void {
    if (!isShownHere(state)) return;
    this.clear();
    const pane = this.workspace.active.peek();
    const about = seriesOf(state);
    const frame = pane.frame.peek();
    if (!frame || !about.includes(frame.seriesInstanceUid)) {
      const { study, beside } = this.workspace;
      const series = [...study.series.peek(), ...beside.series].find(({ seriesInstanceUid }) => about.includes(seriesInstanceUid));
      if (!series) return;
      this.workspace.showSeries(series, pane);
    }
    this.wanted.value = { pane, state };
  }

  clear(): void {
    const shown = this.shown.peek();
    this.wanted.value = undefined;
    this.shown.value = undefined;
    this.unlaid.value = undefined;
    if (fusion.peek()?.preset?.name === OF_STATE) fusion.value = undefined;
    void shown?.pane.controls.peek()?.subtract?.(ownSubtraction);
  }

  /** Show the frames of the viewport less their masks, or again as they were taken. */
  async turnMasks(pane: Pane): Promise<void> {
    const controls = pane.controls.peek();
    const on = (pane.view.peek().masks ?? []).length === 0;
    await controls?.subtract?.(on ? this.masksOf(this.of(pane)) : () => undefined);
  }

  /** What could be taken away from the image of the viewport, by its state or its own word. */
  subtractable(pane: Pane): Subtraction | undefined {
    const frame = pane.frame.value;
    return frame && this.masksOf(this.of(pane))(frame);
  }

  /** Where the node's picture of an image through the state is, when the viewport cannot show it so itself. */
  pictureOf(pane: Pane, frame: Frame): string | undefined {
    const state = this.of(pane);
    if (!state || !isAbout(state, frame)) return undefined;
    const isOurs = !needsNodesPicture(state, frame) && subtractionIn(state, frame) !== "elsewhere" && this.unlaid.value !== state;
    if (isOurs) return undefined;
    const number = this.numberOf(state, frame, pane);
    const [series, uid] = [text(state, Tag.SeriesInstanceUID), text(state, Tag.SOPInstanceUID)];
    return number === undefined ? undefined : `${objectPath(frame.studyInstanceUid, series, uid)}/frames/${number}/rendered`;
  }

  /** The place of an image among those that a state shows, from 1: of what it names, what is here. */
  private numberOf(state: Dataset, frame: Frame, pane: Pane): number | undefined {
    const { study } = this.workspace;
    const named = study.series.value.filter(({ seriesInstanceUid }) => seriesOf(state).includes(seriesInstanceUid));
    const frames = [...pane.content.value.frames, ...named.flatMap((series) => study.library.of(series).content.value.frames)];
    const counts = new Map(frames.map(({ sopInstanceUid, numberOfFrames }) => [sopInstanceUid, numberOfFrames]));
    const all = imagesOf(state).flatMap(({ uid, frame: one }) => {
      const count = counts.get(uid) ?? 0;
      const numbers = one === 0 ? Array.from({ length: count }, (_, index) => index + 1) : [one].filter((number) => number <= count);
      return numbers.map((number) => `${uid} ${number}`);
    });
    const place = all.indexOf(`${frame.sopInstanceUid} ${frame.frameNumber}`);
    return place < 0 ? undefined : place + 1;
  }

  private masksOf(state: Dataset | undefined): (frame: Frame) => Subtraction | undefined {
    if (!state) return ownSubtraction;
    return (frame) => {
      if (!isAbout(state, frame)) return ownSubtraction(frame);
      const asked = subtractionIn(state, frame);
      return typeof asked === "object" ? asked : undefined;
    };
  }

  /** Lay what a blending state superimposes over the viewport's images, once it is known. */
  private blend(): void {
    const shown = this.shown.value;
    if (!shown || !isBlending(shown.state)) return;
    const { state, pane } = shown;
    const { study } = this.workspace;
    const base = pane.showing.value?.series.seriesInstanceUid;
    const [uid, another] = [...new Set(referencesOf(blendingItem(state, "SUPERIMPOSED") ?? {}).map(({ series }) => series))];
    const over = another === undefined ? study.series.value.find(({ seriesInstanceUid }) => seriesInstanceUid === uid) : undefined;
    const load = over && study.library.of(over);
    if (load && !load.loaded.value && !load.failure.value) return;
    const frames = load?.content.value.frames ?? [];
    if (this.laid === shown) return; // and perhaps changed, or taken away, since
    this.laid = shown;
    untracked(() => {
      const laid = over && base ? blendingOf(state, base, pane.content.peek().frames, over, frames) : undefined;
      if (laid) fusion.value = laid;
      else this.unlaid.value = state;
    });
  }

  /** The state a viewport is shown through. */
  of(pane: Pane): Dataset | undefined {
    const shown = this.shown.value;
    return shown?.pane === (pane.copied ?? pane) && seriesOf(shown.state).includes(pane.frame.value?.seriesInstanceUid ?? "") ? shown.state : undefined;
  }

  /** Save how the active viewport displays its stack. Never raises; `saved` tells. */
  async save(): Promise<void> {
    const pane = this.workspace.active.peek();
    const frame = pane.frame.peek();
    const area = pane.controls.peek()?.displayedArea?.();
    if (!frame || !area || this.workspace.beside.holds(pane) || this.saved.peek().kind === "saving") return;
    this.saved.value = { kind: "saving" };
    const { saving } = this.workspace;
    await saving.settle();
    const images = new Map(
      [frame, ...pane.content.peek().frames].map((one) => [one.sopInstanceUid, one.seriesInstanceUid] as const),
    );
    try {
      const values = {
        state: { ...stateOf(pane), area: pixels(area) },
        images: [...images].map(([uid, series]) => ({ series_instance_uid: series, sop_instance_uid: uid })),
        measurements: saving.measured.peek().filter(({ sopInstanceUid }) => images.has(sopInstanceUid)).map(drawn),
      };
      const text = JSON.stringify(values);
      if (this.sent?.text !== text) this.sent = { text, requestId: newRequestId() };
      const isThere = await this.send({ ...values, request_id: this.sent.requestId }, this.sent.requestId);
      this.sent = undefined;
      this.saved.value = { kind: isThere ? "saved" : "waiting" };
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.saved.value = { kind: "failed", failure: error };
    }
  }

  /** Whether the node has it; else it is kept until it can be reached. Raises Failure where it is not kept. */
  private async send(body: object, subject: string): Promise<boolean> {
    const { web, studyInstanceUid, errands } = this.workspace.study;
    if (!reachable.peek() && errands?.keep(studyInstanceUid, "presentation-states", body, { subject })) return false;
    try {
      await web.save(studyInstanceUid, "presentation-states", body);
      return true;
    } catch (error) {
      if (error instanceof Failure && isOutOfReach(error) && errands?.keep(studyInstanceUid, "presentation-states", body, { subject, sent: true })) return false;
      throw error;
    }
  }

  close(): void {
    for (const stop of this.stops) stop();
  }

  private async apply(shown: Shown): Promise<void> {
    const { pane, state } = shown;
    const frame = pane.frame.peek();
    if (!frame) return;
    this.wanted.value = undefined;
    const masks = this.masksOf(state);
    const controls = pane.controls.peek();
    await controls?.subtract?.(masks);
    controls?.display?.(displayOf(state, frame, masks(frame) !== undefined));
    this.shown.value = shown;
  }
}

/** How the viewport shows its image, but for the part of it that is seen. */
export function displayedAs(pane: Pane): Pick<Display, "window" | "inverted" | "rotation" | "flipped"> {
  const { window, inverted, turned = [1, 0, 0, 1] } = pane.view.peek();
  const [rightX, rightY, downX, downY] = turned.map(Math.round) as [number, number, number, number];
  const rotation = downY === 1 ? 0 : downX === 1 ? 90 : downY === -1 ? 180 : 270;
  const flipped = downY !== 0 ? rightX !== downY : rightY === downX;
  return { window, inverted, rotation, flipped };
}

function stateOf(pane: Pane): Readonly<Record<string, unknown>> {
  const display = displayedAs(pane);
  const frame = pane.frame.peek();
  const described = frame ? text(frame.dataset, Tag.SeriesDescription).slice(0, 64) : "";
  return { ...display, window: display.window ?? null, description: described };
}

function ends(from: number, to: number): [number, number] {
  const [low, high] = [Math.round(Math.min(from, to)) + 1, Math.round(Math.max(from, to))];
  return from <= to ? [low, Math.max(low, high)] : [Math.max(low, high), low];
}

/** Whole pixels from 1, the one at the top left of the screen first (PS3.3 C.10.4). */
function pixels({ left, top, right, bottom }: Area): unknown {
  const [columns, rows] = [ends(left, right), ends(top, bottom)];
  return { left: columns[0], top: rows[0], right: columns[1], bottom: rows[1] };
}

/** As a presentation state draws it: with its figures as its text. */
function drawn(one: Measured): unknown {
  const figures = one.figures.map(({ value, unit }) => `${n(value, 1)} ${unit}`.trim()).join(" / ");
  return { ...wireForm(one), label: one.label || figures.replaceAll("\u2212", "-") }; // letters that every character set has
}
