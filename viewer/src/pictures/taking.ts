/** Pictures being made of what is seen, and what becomes of them: files, a film, sheets of paper. */

import { batch, computed, effect, signal } from "@preact/signals";
import { zipSync } from "fflate";

import type { SeriesSummary } from "@/dicomweb/client";
import type { Frame } from "@/dicomweb/frames";
import { Failure } from "@/dicomweb/http";
import { number, Tag, text, type Dataset } from "@/dicomweb/json";
import { isMeasured, spacingOf } from "@/dicomweb/spacing";
import { t } from "@/i18n";
import { rateOf } from "@/model/cine";
import { handOver } from "@/model/handOver";
import { overlayPlanesOf } from "@/dicomweb/overlayPlanes";
import { overlayPlanes } from "@/model/overlayPlanes";
import { Pane } from "@/model/pane";
import { displayedAs } from "@/model/presenting";
import type { Workspace } from "@/model/workspace";
import type { Window } from "@/tools/presets";
import { PLAIN_COLOURS } from "@/tools/colourMaps";
import { chosen, fileName, filmSize, FIRST_CHOICES, mayShowIdentity, type Choices, type Form } from "@/pictures/choices";
import { drawViewport } from "@/pictures/draw";

/** An image that a picture is made of. */
interface Target {
  readonly series: SeriesSummary;
  readonly frame: Frame;
}

/** A viewport that nobody sees, in CSS pixels. */
export interface HiddenStage {
  readonly pane: Pane;
  readonly width: number;
  readonly height: number;
}

export interface PrintedPicture {
  readonly url: string;
  readonly dataset: Dataset;
  /** Of the picture in the patient; undefined where that is not known. */
  readonly widthMm: number | undefined;
  readonly heightMm: number | undefined;
}

export type TakingState =
  | { readonly kind: "idle" }
  | { readonly kind: "running"; readonly done: number; readonly total: number }
  | { readonly kind: "done"; readonly name: string; readonly missing: number }
  | { readonly kind: "failed"; readonly failure?: Failure; readonly why?: "nothing" | "film" | "pixels" };

const SIDE_MOST_PX = 4096;
const FILM_SIDE_MOST_PX = 1920;
/** As many as a browser holds as one file without trouble. */
export const PICTURES_MOST = 2000;
const PATIENCE_MS = 60_000;

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}

class Unseen extends Error {}

function nextPaint(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve())));
}

/** Resolves when `ready` does not say undefined any more; rejects with Unseen when it takes too long. */
function settled<Value>(ready: () => Value | undefined): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => end(() => reject(new Unseen())), PATIENCE_MS);
    const stop = effect(() => {
      const value = ready();
      if (value !== undefined) queueMicrotask(() => end(() => resolve(value)));
    });
    const end = (tell: () => void): void => {
      clearTimeout(timer);
      stop();
      tell();
    };
  });
}

/** Columns and rows as they lie on a screen with square pixels, not turned. */
function sizeOf(dataset: Dataset): readonly [number, number] {
  const [columns, rows] = [number(dataset, Tag.Columns) ?? 1, number(dataset, Tag.Rows) ?? 1];
  const { row, column } = spacingOf(dataset);
  const least = Math.min(row, column);
  return [Math.round((columns * column) / least), Math.round((rows * row) / least)];
}

/** First and last image that are taken of a series: those played; where nobody limited them, of a film the loop that is looked at. */
export function extentOf({ cine, content, loop }: Pick<Pane, "cine" | "content" | "loop">, form: Form): readonly [number, number] {
  const one = form === "mp4" ? loop.value : undefined;
  return cine.range.value ?? (one ? [one.first, one.last] : [0, content.value.frames.length - 1]);
}

export class Taking {
  readonly choices = signal<Choices>(FIRST_CHOICES);
  readonly state = signal<TakingState>({ kind: "idle" });
  readonly hidden = signal<HiddenStage | undefined>(undefined);
  readonly sheets = signal<readonly PrintedPicture[] | undefined>(undefined);

  /** Whole images can be had of the viewport in hand: it shows images of the archive, no plane or rendering. */
  readonly ofImages = computed(() => this.workspace.active.value.controls.value?.displayedArea !== undefined);
  readonly seriesLength = computed(() => {
    const [first, last] = extentOf(this.workspace.active.value, this.choices.value.form);
    return last - first + 1;
  });
  /** Some pixels may tell whose they are, whatever is drawn over them. */
  readonly pixelsMayTell = computed(() => {
    const { panes, active } = this.workspace;
    const { subject, burned } = this.choices.value;
    const looked = subject === "layout" || subject === "keys" ? panes.value : [active.value];
    const planesTell = (dataset: Dataset): boolean => burned.marks && overlayPlanesOf(dataset).length > 0; // which are often letters
    return looked.some(({ frame: { value: frame } }) => frame !== undefined && (mayShowIdentity(frame.dataset) || planesTell(frame.dataset)));
  });

  private stopped = false;
  private missing = 0;

  constructor(readonly workspace: Workspace) {}

  choose(change: Partial<Choices>): void {
    batch(() => {
      this.choices.value = chosen(this.choices.peek(), change);
      if (this.state.peek().kind !== "running") this.state.value = { kind: "idle" };
    });
  }

  close(): void {
    this.stopped = true;
    this.endSheets();
  }

  endSheets(): void {
    for (const { url } of this.sheets.peek() ?? []) URL.revokeObjectURL(url);
    this.sheets.value = undefined;
  }

  /** Make the pictures. Never raises; `state` tells. */
  async take(): Promise<void> {
    if (this.state.peek().kind === "running") return;
    this.missing = 0;
    this.state.value = { kind: "running", done: 0, total: 1 };
    try {
      this.state.value = await this.taken();
    } catch (error) {
      if (error instanceof Failure) this.state.value = { kind: "failed", failure: error };
      else {
        this.state.value = { kind: "failed", why: "pixels" };
        if (!(error instanceof Unseen)) throw error;
      }
    } finally {
      this.leaveStage();
    }
  }

  private async taken(): Promise<TakingState> {
    const choices = this.choices.peek();
    const targets = await this.targets();
    const screen = targets === undefined;
    const { active, panes, study } = this.workspace;
    const shown = (choices.subject === "layout" ? panes.peek() : [active.peek()]).flatMap((pane) => pane.frame.peek() ?? []);
    const frames = targets?.map(({ frame }) => frame) ?? shown;
    const [first] = frames;
    if (!first) return { kind: "failed", why: "nothing" };
    await study.web.announce({
      studies: unique(frames.map(({ studyInstanceUid }) => studyInstanceUid)),
      series: unique(frames.map(({ seriesInstanceUid }) => seriesInstanceUid)),
      form: choices.form,
      pictures: screen ? 1 : frames.length,
      identity: choices.burned.identity ? "kept" : "removed",
    });
    const name = fileName(first.dataset, choices.burned.identity, this.titled(first));
    if (choices.form === "mp4" && targets) return this.film(targets, name);
    const pictures: { picture: Blob; frame: Frame; canvas: HTMLCanvasElement }[] = [];
    if (!targets) {
      const canvas = this.onScreen();
      pictures.push({ picture: await this.encoded(canvas), frame: first, canvas });
    }
    for await (const { canvas, frame } of this.drawn(targets ?? [])) {
      pictures.push({ picture: await this.encoded(canvas), frame, canvas });
    }
    if (pictures.length === 0) return { kind: "failed", why: "pixels" };
    if (choices.form === "print") {
      this.sheets.value = pictures.map(({ picture, frame }) => ({ url: URL.createObjectURL(picture), dataset: frame.dataset, ...this.trueSize(frame) }));
      return { kind: "done", name: "", missing: this.missing };
    }
    const ending = choices.form === "jpeg" ? "jpg" : "png";
    const [only] = pictures;
    if (only && pictures.length === 1) handOver(only.picture, `${name}.${ending}`);
    else await saveZip(pictures, name, ending);
    return { kind: "done", name: pictures.length === 1 ? `${name}.${ending}` : `${name}.zip`, missing: this.missing };
  }

  /** What of the study it is, in words that tell nothing of anybody. */
  private titled({ dataset, frameNumber, numberOfFrames }: Frame): string[] {
    const { subject } = this.choices.peek();
    if (subject === "layout") return ["layout"];
    if (subject === "keys") return ["key images"];
    const series = number(dataset, Tag.SeriesNumber);
    const words = series === undefined ? [] : [`series ${series}`];
    if (subject === "series") return words;
    const image = this.workspace.active.peek().imageIndex.peek() + 1;
    return [...words, `image ${image}`, ...(numberOfFrames > 1 && image !== frameNumber ? [`frame ${frameNumber}`] : [])];
  }

  /** The images that pictures are made of, each by itself; undefined: of the screen as it is. */
  private async targets(): Promise<readonly Target[] | undefined> {
    const { subject, size } = this.choices.peek();
    const pane = this.workspace.active.peek();
    const series = pane.showing.peek()?.series;
    if (subject === "keys") return this.keyTargets();
    if (subject === "layout" || !series) return undefined;
    const { frames } = pane.content.peek();
    if (subject === "series") {
      const [from, to] = extentOf(pane, this.choices.peek().form);
      return frames.slice(from, Math.min(to + 1, from + PICTURES_MOST)).map((frame) => ({ series, frame }));
    }
    const frame = pane.frame.peek();
    return size === "native" && this.ofImages.peek() && frame ? [{ series, frame }] : undefined;
  }

  private async keyTargets(): Promise<readonly Target[]> {
    const { study, saving } = this.workspace;
    const found: Target[] = [];
    const marked = new Map<string, ReadonlySet<string>>();
    for (const key of this.workspace.keyImages.peek()) {
      const [uid = ""] = key.split("#");
      const series = saving.seriesOf(uid);
      if (series !== undefined) marked.set(series, new Set([...(marked.get(series) ?? []), key]));
    }
    for (const series of study.series.peek()) {
      const keys = marked.get(series.seriesInstanceUid);
      if (!keys) continue;
      const load = study.library.of(series);
      await settled(() => (load.loaded.value || load.failure.value ? true : undefined));
      found.push(...load.content.peek().frames.filter((frame) => this.workspace.isKey(frame)).map((frame) => ({ series, frame })));
    }
    return found;
  }

  /** The viewport in hand, or all of them, as they are seen now. */
  private onScreen(): HTMLCanvasElement {
    const { subject, burned } = this.choices.peek();
    const all = subject === "layout" && !this.workspace.oneUp.peek();
    const stage = document.querySelector<HTMLElement>("[data-testid=stage]");
    const active = document.querySelector<HTMLElement>("[data-testid=pane][data-active=true] .viewport");
    const root = all ? stage : active;
    if (!root) throw new Unseen();
    const area = root.getBoundingClientRect();
    const { canvas, context } = sheet(Math.round(area.width * devicePixelRatio), Math.round(area.height * devicePixelRatio));
    const scale = canvas.width / area.width;
    const caution = this.choices.peek().form !== "png" || this.isReduced(area, scale) ? t("notForDiagnosis") : "";
    for (const element of all ? root.querySelectorAll<HTMLElement>(".viewport") : [root]) {
      const { x, y, width, height } = element.getBoundingClientRect();
      const box = { x: (x - area.x) * scale, y: (y - area.y) * scale, width: width * scale, height: height * scale };
      drawViewport(context, element, box, { burned, own: false, caution });
    }
    return canvas;
  }

  /** Whether the screen has fewer pixels than what it shows, or other ones. */
  private isReduced(area: DOMRect, scale: number): boolean {
    const pane = this.workspace.active.peek();
    const shown = pane.shown.peek();
    const frame = pane.frame.peek();
    if (this.choices.peek().subject === "layout" || !this.ofImages.peek() || !frame) return true;
    if (shown.kind !== "ready" || shown.quality !== "diagnostic") return true;
    const [width, height] = sizeOf(frame.dataset);
    return pane.view.peek().zoom * Math.min((area.width * scale) / width, (area.height * scale) / height) < 0.999;
  }

  /** Each image on a stage of its own size, one after the other. What cannot be shown is left out, and counted. */
  private async *drawn(targets: readonly Target[]): AsyncGenerator<{ readonly canvas: HTMLCanvasElement; readonly frame: Frame }> {
    const { form, burned } = this.choices.peek();
    let done = 0;
    for (const target of targets) {
      if (this.stopped) return;
      try {
        const reduced = await this.stand(target);
        const { hidden } = this;
        const element = document.querySelector<HTMLElement>("[data-testid=picture-stage] .viewport");
        const stage = hidden.peek();
        if (!element || !stage) throw new Unseen();
        const { canvas, context } = sheet(Math.round(stage.width * devicePixelRatio), Math.round(stage.height * devicePixelRatio));
        const caution = form !== "png" || reduced ? t("notForDiagnosis") : "";
        drawViewport(context, element, { x: 0, y: 0, width: canvas.width, height: canvas.height }, { burned, own: true, caution });
        yield { canvas, frame: target.frame };
      } catch (error) {
        if (!(error instanceof Unseen)) throw error;
        this.missing += 1;
      }
      done += 1;
      this.state.value = { kind: "running", done, total: targets.length };
    }
  }

  /** Show the image on the hidden stage as the viewport in hand shows its own; whether it is less than the object's pixels. */
  private async stand({ series, frame }: Target): Promise<boolean> {
    const source = this.workspace.active.peek();
    const alike = source.showing.peek()?.series.seriesInstanceUid === series.seriesInstanceUid && this.ofImages.peek();
    const display = alike ? displayedAs(source) : undefined;
    const native = this.choices.peek().size === "native";
    const own = sizeOf(frame.dataset);
    const turned = (display?.rotation ?? 0) % 180 === 0 ? own : ([own[1], own[0]] as const);
    const fit = Math.min(1, SIDE_MOST_PX / Math.max(...turned));
    const seen = document.querySelector<HTMLElement>("[data-testid=pane][data-active=true] .viewport")?.getBoundingClientRect();
    const [width, height] = native || !seen ? turned.map((side) => Math.round(side * fit) / devicePixelRatio) : [seen.width, seen.height];
    if (width === undefined || height === undefined) throw new Unseen();
    let stage = this.hidden.peek();
    const before = stage?.pane.showing.peek()?.series.seriesInstanceUid;
    const fresh = !stage || before !== series.seriesInstanceUid || stage.width !== width || stage.height !== height;
    if (fresh) {
      this.leaveStage();
      const pane = new Pane(this.workspace.study.library, alike ? source : undefined);
      pane.show({ kind: "stack", series });
      stage = { pane, width, height };
      pane.moved(Math.max(0, pane.content.peek().frames.indexOf(frame)));
      this.hidden.value = stage;
    }
    const { pane } = stage as HiddenStage;
    const index = pane.content.peek().frames.indexOf(frame);
    if (index < 0) throw new Unseen();
    pane.goTo(index);
    await isShown(pane, index);
    if (fresh && display) {
      const area = native ? undefined : source.controls.peek()?.displayedArea?.();
      const window = isSameWindow(display.window, pane.view.peek().window) ? undefined : display.window; // each keeps its own
      pane.controls.peek()?.display?.({ ...display, window, area });
      const colours = source.colourMap.peek();
      if (colours !== PLAIN_COLOURS) pane.controls.peek()?.setColourMap?.(colours);
    }
    await nextPaint();
    await isShown(pane, index);
    await overlayPlanes(this.workspace).have(pane, frame);
    await nextPaint();
    const shown = pane.shown.peek();
    const smaller = native ? fit < 1 : pane.view.peek().zoom * Math.min(width / turned[0], height / turned[1]) * devicePixelRatio < 0.999;
    return smaller || shown.kind !== "ready" || shown.quality !== "diagnostic";
  }

  private leaveStage(): void {
    const stage = this.hidden.peek();
    this.hidden.value = undefined;
    stage?.pane.close();
  }

  private async film(targets: readonly Target[], name: string): Promise<TakingState> {
    const { codecFor, Film } = await import("@/pictures/film");
    const pane = this.workspace.active.peek();
    const rate = pane.cine.open.peek() ? pane.cine.rate.peek() : rateOf(pane.frame.peek()?.dataset);
    let film: Awaited<ReturnType<typeof Film.begin>> | undefined;
    let page: ReturnType<typeof sheet> | undefined;
    for await (const { canvas } of this.drawn(targets)) {
      if (!film || !page) {
        page = sheet(...filmSize(canvas.width, canvas.height, FILM_SIDE_MOST_PX));
        const codec = await codecFor(page.canvas.width, page.canvas.height);
        if (!codec) return { kind: "failed", why: "film" };
        film = await Film.begin(page.canvas, codec, rate);
      }
      const fit = Math.min(page.canvas.width / canvas.width, page.canvas.height / canvas.height);
      const [width, height] = [canvas.width * fit, canvas.height * fit];
      page.context.fillStyle = "#000";
      page.context.fillRect(0, 0, page.canvas.width, page.canvas.height);
      page.context.drawImage(canvas, (page.canvas.width - width) / 2, (page.canvas.height - height) / 2, width, height);
      await film.add();
    }
    if (!film) return { kind: "failed", why: "pixels" };
    if (this.stopped) {
      await film.giveUp();
      return { kind: "idle" };
    }
    handOver(await film.end(), `${name}.mp4`);
    return { kind: "done", name: `${name}.mp4`, missing: this.missing };
  }

  private encoded(canvas: HTMLCanvasElement): Promise<Blob> {
    const { form, quality } = this.choices.peek();
    return new Promise((resolve, reject) =>
      canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Unseen())), form === "jpeg" ? "image/jpeg" : "image/png", quality / 100),
    );
  }

  private trueSize({ dataset }: Frame): { widthMm: number | undefined; heightMm: number | undefined } {
    const spacing = spacingOf(dataset);
    const { size, subject } = this.choices.peek();
    const whole = size === "native" && subject !== "layout";
    if (!whole || !isMeasured(spacing) || (subject === "view" && !this.ofImages.peek())) return { widthMm: undefined, heightMm: undefined };
    const least = Math.min(spacing.row, spacing.column);
    const [width, height] = sizeOf(dataset);
    const turned = displayedAs(this.workspace.active.peek()).rotation % 180 !== 0;
    const [wide, high] = turned ? [height, width] : [width, height];
    return { widthMm: wide * least, heightMm: high * least };
  }
}

function isSameWindow(one: Window | undefined, other: Window | undefined): boolean {
  return one !== undefined && other !== undefined && Math.abs(one.center - other.center) < 1e-3 && Math.abs(one.width - other.width) < 1e-3;
}

/** The image is on the hidden stage, with all its pixels. */
async function isShown(pane: Pane, index: number): Promise<void> {
  const became = await settled(() => {
    const shown = pane.shown.value;
    if (pane.imageIndex.value !== index || !pane.controls.value) return undefined;
    if (shown.kind === "failed") return "failed";
    return shown.kind === "ready" && shown.quality !== "partial" ? "ready" : undefined;
  });
  if (became === "failed") throw new Unseen();
}

function sheet(width: number, height: number): { readonly canvas: HTMLCanvasElement; readonly context: CanvasRenderingContext2D } {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  if (!context) throw new Unseen();
  context.fillStyle = "#000";
  context.fillRect(0, 0, width, height);
  return { canvas, context };
}

async function saveZip(pictures: readonly { readonly picture: Blob; readonly frame: Frame }[], name: string, ending: string): Promise<void> {
  const files: Record<string, [Uint8Array, { level: 0 }]> = {};
  for (const [index, { picture, frame }] of pictures.entries()) {
    const series = number(frame.dataset, Tag.SeriesNumber);
    const place = String(index + 1).padStart(4, "0");
    const label = [place, text(frame.dataset, Tag.Modality), ...(series === undefined ? [] : [`series ${series}`])].join(" ");
    files[`${label.replace(/[^\w -]/g, "")}.${ending}`] = [new Uint8Array(await picture.arrayBuffer()), { level: 0 }];
  }
  handOver(new Blob([zipSync(files) as Uint8Array<ArrayBuffer>], { type: "application/zip" }), `${name}.zip`);
}
