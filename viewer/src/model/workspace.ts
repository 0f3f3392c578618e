/** The reader's desk: the viewports, which of them is in hand, the tool; the one place that toolbar and keys talk to. */

import { batch, computed, effect, signal, untracked, type ReadonlySignal } from "@preact/signals";

import type { SeriesSummary } from "@/dicomweb/client";
import type { Frame } from "@/dicomweb/frames";
import type { Vector } from "@/dicomweb/geometry";
import { Beside } from "@/model/beside";
import { characterKeysOn, isCharacter, useCharacterKeys } from "@/model/characterKeys";
import { CINE, cineFrom } from "@/model/cine";
import { Comparing } from "@/model/comparing";
import type { ContextPlace } from "@/model/contextPlace";
import { FullScreen } from "@/model/fullScreen";
import { Hanger } from "@/model/hanger";
import { LaidCurves, undoCurve } from "@/model/laidCurves";
import { layout, ONE_UP, sizeOf, type Layout } from "@/model/layout";
import { Linking } from "@/model/linking";
import { Pane } from "@/model/pane";
import { nearest, planeOf } from "@/model/planes";
import { Presenting } from "@/model/presenting";
import { Saving } from "@/model/saving";
import type { Rejectable } from "@/model/deletions";
import { isOfVolume, type Showing } from "@/model/showing";
import type { Kept } from "@/model/ownHanging";
import type { OpenStudy } from "@/model/study";
import { worksIn } from "@/model/usable";
import { showTrueSize } from "@/model/trueSize";
import { PLAIN_COLOURS } from "@/tools/colourMaps";
import { mouse } from "@/tools/mouse";
import {
  BUTTONS,
  isMenu,
  isSwitch,
  isTool,
  SERIES_STEPS,
  STEPS,
  ZOOM_KEYS,
  type ButtonName,
  type MenuName,
  type SwitchName,
  type ToolName,
} from "@/tools/palette";
import type { Preset } from "@/tools/presets";

/** A point in the patient, and in whose space. */
export interface Cross {
  readonly point: Vector;
  readonly frameOfReferenceUid: string;
}

function frameKey({ sopInstanceUid, frameNumber }: Frame): string {
  return `${sopInstanceUid}#${frameNumber}`;
}

/** What stands for every frame of an image. */
function imageKey({ sopInstanceUid }: Frame): string {
  return `${sopInstanceUid}#*`;
}

/** What is on or off whatever the active viewport shows. */
function isOfScreen(name: ButtonName): boolean {
  return isSwitch(name) && name !== "cine";
}

const HELP = BUTTONS.find(({ name }) => name === "help");

export class Workspace {
  readonly layout = signal<Layout>(ONE_UP);
  readonly panes = signal<readonly Pane[]>([]);
  readonly activeIndex = signal(0);
  /** The active viewport alone, the others beneath it. */
  readonly oneUp = signal(false);
  readonly tool = signal<ToolName>(mouse.peek().left);
  /** The menu of the toolbar that is open. */
  readonly menu = signal<MenuName | undefined>(undefined);
  readonly switches = { lines: signal(true), linked: signal(false), overlays: signal(true), graphics: signal(true), steps: signal(false), pictures: signal(false), help: signal(false) };
  /** The image without the bars around it. */
  readonly fullScreen = new FullScreen(() => this.tool.peek(), () => this.menu.peek() !== undefined || this.context.peek() !== undefined);
  /** Where the crosshair was set. */
  readonly cross = signal<Cross | undefined>(undefined);
  /** A text is wanted for an arrow or a note. */
  readonly question = signal<((text: string) => void) | undefined>(undefined);
  readonly keyImages = signal<ReadonlySet<string>>(new Set());
  /** Where the menu of the active viewport stands open. */
  readonly context = signal<ContextPlace | undefined>(undefined);
  /** What the reader is about to reject. */
  readonly rejecting = signal<Rejectable | undefined>(undefined);
  /** The diagnostic viewport cannot be had: previews must do. */
  readonly broken = signal(false);

  readonly active = computed<Pane>(() => {
    const { value: panes } = this.panes;
    const pane = panes[this.activeIndex.value] ?? panes[0];
    if (!pane) throw new Error("a workspace always has a viewport");
    return pane;
  });

  /** Whether keys of one character do something. */
  readonly characterKeys = computed(() => characterKeysOn(this.kept));

  /** What pictures are made along. */
  readonly curves = new LaidCurves();

  /** Stacks that are scrolled together. */
  readonly linking: Linking;

  /** The patient's other studies. */
  readonly comparing: Comparing;

  /** What stands where when the study opens, and when the reader asks for it. */
  readonly hanger: Hanger;

  /** What was measured and marked, and whether the archive has it. */
  readonly saving: Saving;

  /** What the archive has of the other studies on the screen. */
  readonly beside: Beside;

  /** Display states of the archive. */
  readonly presenting: Presenting;

  private readonly stops: (() => void)[] = [];
  private readonly stopFollowingHabit: () => void;

  constructor(
    readonly study: OpenStudy,
    /** The reader's likings. */
    private readonly kept: Kept,
    /** Whether the reader may save into the archive. */
    readonly maySave: ReadonlySignal<boolean> = signal(true),
    /** Whether they may take pictures and files away. */
    readonly mayExport: ReadonlySignal<boolean> = signal(true),
    /** Whether they may reject images and series. */
    readonly mayReject: ReadonlySignal<boolean> = signal(true),
  ) {
    this.panes.value = [this.newPane()];
    this.linking = new Linking(this);
    this.comparing = new Comparing(this);
    this.hanger = new Hanger(this, kept);
    this.saving = new Saving(this);
    this.beside = new Beside(this);
    this.presenting = new Presenting(this);
    // The habit may come later than the study; it holds until a tool is chosen.
    this.stopFollowingHabit = effect(() => {
      const { left } = mouse.value;
      untracked(() => left !== this.tool.peek() && this.take(left));
    });
    this.stops.push(
      () => this.stopFollowingHabit(),
      () => this.saving.close(),
      () => this.beside.close(),
      () => this.presenting.close(),
      () => this.comparing.close(),
      () => this.hanger.close(),
      () => this.linking.close(),
    );
  }

  activate(pane: Pane): void {
    const index = this.panes.peek().indexOf(pane);
    if (index >= 0) this.activeIndex.value = index;
  }

  /** Stand the viewports so. Those that fit keep what they show; new ones take the series that nobody shows. */
  setLayout(rows: number, columns: number): void {
    this.hanger.touched();
    this.stand(rows, columns);
    this.hanger.fill();
  }

  /** As `setLayout`, but new viewports stay empty. */
  stand(rows: number, columns: number): void {
    const next = layout(rows, columns);
    const size = sizeOf(next);
    const panes = this.panes.peek();
    const active = this.active.peek();
    batch(() => {
      const lost = panes.indexOf(active) >= size; // the active one always stays
      const kept = lost ? [active, ...panes.slice(0, size - 1)] : panes.slice(0, size);
      for (const pane of panes) if (!kept.includes(pane)) pane.close();
      const grown = [...kept, ...Array.from({ length: size - kept.length }, () => this.newPane())];
      this.panes.value = grown;
      this.layout.value = next;
      this.oneUp.value = false;
      this.activeIndex.value = Math.max(0, grown.indexOf(active));
      this.menu.value = undefined;
    });
  }

  toggleOneUp(): void {
    this.oneUp.value = !this.oneUp.peek() && this.panes.peek().length > 1;
  }

  /** Show it in a viewport, the active one when none is named. */
  show(showing: Showing, pane: Pane = this.active.peek()): void {
    this.hanger.touched();
    batch(() => {
      pane.show(showing);
      this.activate(pane);
    });
  }

  showSeries(series: SeriesSummary, pane?: Pane): void {
    this.show({ kind: "stack", series }, pane);
  }

  /** In the active viewport, the next clip of a series of several, else the series `step` further in its study's list, stopping at its ends. */
  showNeighbour(step: number): void {
    if (this.active.peek().goToClip(step)) return;
    const shown = this.active.peek().showing.peek()?.series.seriesInstanceUid;
    const lists = [this.study.series.peek(), ...this.beside.studies.peek()];
    const series = lists.find((list) => list.some(({ seriesInstanceUid }) => seriesInstanceUid === shown)) ?? [];
    const at = series.findIndex(({ seriesInstanceUid }) => seriesInstanceUid === shown);
    const next = series[at + step];
    if (at >= 0 && next) this.showSeries(next);
  }

  press(name: ButtonName): void {
    const pane = this.active.peek();
    if (!isOfScreen(name) && !worksIn(pane, name)) return;
    if (isTool(name)) {
      this.stopFollowingHabit();
      this.take(name);
    } else if (isMenu(name)) {
      this.menu.value = this.menu.peek() === name ? undefined : name;
      return;
    } else if (isSwitch(name)) {
      this.turn(name, pane);
    } else if (name === "clear") {
      pane.tell(pane.controls.peek()?.clear());
    } else if (name === "key") {
      this.markKey(pane);
    } else if (name === "trueSize") {
      showTrueSize(pane);
    } else if (name === "curve") {
      void pane.curve.draw(pane.controls.peek(), pane.content.peek().frames, pane.frame.peek());
    } else if (!((name === "undo" || name === "redo") && undoCurve(this, pane, name))) {
      pane.controls.peek()?.[name]?.();
      if (name === "reset") {
        pane.colourMap.value = PLAIN_COLOURS;
        this.presenting.clear();
      }
    }
    this.menu.value = undefined;
  }

  private take(tool: ToolName): void {
    this.tool.value = tool;
    for (const { controls } of this.panes.peek()) controls.peek()?.setTool(tool);
    if (tool !== "crosshair") this.cross.value = undefined;
  }

  private turn(name: SwitchName, pane: Pane): void {
    if (name === "pictures" && !this.mayExport.peek()) return;
    if (name === "fullScreen") this.fullScreen.toggle();
    else if (name === "cine") pane.cine.toggle(pane.frame.peek()?.dataset, cineFrom(this.kept.get(CINE)));
    else this.switches[name].value = !this.switches[name].peek();
  }

  /** Mark the image shown as a key image, or no longer; those of a study beside stay as they are. */
  private markKey(pane: Pane): void {
    const frame = pane.frame.peek();
    if (!frame || this.beside.holds(pane)) return;
    const marked = new Set(this.keyImages.peek());
    const [one, whole] = [marked.delete(frameKey(frame)), marked.delete(imageKey(frame))];
    if (!one && !whole) marked.add(frame.numberOfFrames > 1 ? frameKey(frame) : imageKey(frame));
    this.keyImages.value = marked;
  }

  /** Whether the image is marked, in this session or in the archive. */
  isKey(frame: Frame): boolean {
    return [this.keyImages.value, this.beside.keyImages.value].some((marked) => marked.has(frameKey(frame)) || marked.has(imageKey(frame)));
  }

  choose(preset: Preset): void {
    this.menu.value = undefined;
    this.active.peek().controls.peek()?.applyPreset(preset);
  }

  chooseColours(name: string): void {
    this.menu.value = undefined;
    const pane = this.active.peek();
    if (!pane.controls.peek()?.setColourMap) return;
    pane.controls.peek()?.setColourMap?.(name);
    pane.colourMap.value = name;
  }

  /** The crosshair was set in `pane`: every other stack and plane of the same space goes to the point. */
  aim(pane: Pane, point: Vector): void {
    const frame = pane.frame.peek();
    const plane = frame && planeOf(frame);
    if (!plane) return;
    this.cross.value = { point, frameOfReferenceUid: plane.frameOfReferenceUid };
    for (const other of this.panes.peek()) {
      if (other === pane) continue;
      const index = nearest(other.content.peek().frames, point, plane.frameOfReferenceUid);
      if (index === undefined) continue;
      if (isOfVolume(other.showing.peek())) other.controls.peek()?.goTo?.(point);
      else other.goTo(index);
    }
  }

  key(event: KeyboardEvent): void {
    if (event.altKey || (!savesFromField(event) && !asksForHelp(event) && (isTyping(event.target) || movesSlider(event)))) return;
    if (isCharacter(event) && !this.characterKeys.peek()) return;
    if (event.ctrlKey || event.metaKey) {
      if (event.code === "KeyS") {
        if (!event.repeat && this.maySave.peek()) void this.saving.save();
        event.preventDefault(); // the browser would save the page
        return;
      }
      const undoes = event.code === "KeyZ" && !event.shiftKey;
      if (!undoes && event.code !== "KeyY" && event.code !== "KeyZ") return;
      this.press(undoes ? "undo" : "redo");
      event.preventDefault();
      return;
    }
    const pane = this.active.peek();
    if (event.key === "Escape") {
      if (this.menu.peek() === undefined) this.fullScreen.leave();
      this.menu.value = undefined;
      pane.controls.peek()?.letGo();
      return;
    }
    const step = STEPS[event.key];
    const seriesStep = SERIES_STEPS[event.key];
    const digit = /^Digit([1-9])$/.exec(event.code)?.[1];
    if (event.key === "?") this.menu.value = undefined;
    const button = event.key === "?" ? HELP : BUTTONS.find(({ key }) => key === event.code);
    if (event.code === "Space" && isPressable(event.target)) return;
    const zoom = ZOOM_KEYS[event.key];
    if (step !== undefined) pane.goBy(step);
    else if (zoom !== undefined) pane.controls.peek()?.zoomBy?.(zoom);
    else if (seriesStep !== undefined) this.showNeighbour(seriesStep);
    else if (event.key === "Enter" && !isPressable(event.target) && !(event.target instanceof HTMLInputElement)) this.toggleOneUp();
    else if (digit !== undefined) this.choosePreset(Number(digit) - 1);
    else if (button && !event.repeat) this.press(button.name);
    else return;
    event.preventDefault();
  }

  useCharacterKeys(on: boolean): void {
    useCharacterKeys(this.kept, on);
  }

  private choosePreset(index: number): void {
    const preset = this.active.peek().presets.peek()[index];
    if (preset) this.choose(preset);
  }

  close(): void {
    this.fullScreen.leave();
    for (const stop of this.stops) stop();
    for (const pane of this.panes.peek()) pane.close();
  }

  private newPane(): Pane {
    return new Pane(this.study.library);
  }
}

/** Whether the space bar and Enter press what has the focus. */
function isPressable(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("button, a[href]") !== null;
}

/** Whether a key saves though a field has the focus, the name of a curve: no field of the desk has a meaning for it. */
function savesFromField({ code, ctrlKey, metaKey, target }: KeyboardEvent): boolean {
  return code === "KeyS" && (ctrlKey || metaKey) && target instanceof HTMLElement && target.closest("dialog") === null;
}

/** Whether a key opens the help sheet though a menu is open, where a sign has no meaning. */
function asksForHelp({ key, target }: KeyboardEvent): boolean {
  return key === "?" && target instanceof HTMLElement && target.closest("[role=menu]") !== null && !target.matches("input, select, textarea");
}

/** Whether a key moves the slider that has the focus, which is not that of the images. */
function movesSlider({ key, target }: KeyboardEvent): boolean {
  const moves = key.startsWith("Arrow") || key.startsWith("Page") || key === "Home" || key === "End";
  return moves && target instanceof HTMLElement && target.matches("input[type=range]:not([data-keys=images])");
}

/** Whether a key belongs to the element that has the focus: fields, lists and open menus keep theirs. */
function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("input:not([type=range]), select, textarea, dialog, video, [role=menu], [data-keys=own]") !== null;
}
