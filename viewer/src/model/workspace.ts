/** The reader's desk: the viewports, which of them is in hand, the tool; the one place that toolbar and keys talk to. */

import { batch, computed, effect, signal, untracked } from "@preact/signals";

import type { SeriesSummary } from "@/dicomweb/client";
import { Comparing } from "@/model/comparing";
import { layout, ONE_UP, sizeOf, type Layout } from "@/model/layout";
import { Pane } from "@/model/pane";
import type { Showing } from "@/model/showing";
import { isNoPicture, type OpenStudy } from "@/model/study";
import { BUTTONS, isMenu, isTool, SERIES_STEPS, STEPS, type ButtonName, type MenuName, type ToolName } from "@/tools/palette";
import type { Preset } from "@/tools/presets";

export class Workspace {
  readonly layout = signal<Layout>(ONE_UP);
  readonly panes = signal<readonly Pane[]>([]);
  readonly activeIndex = signal(0);
  /** The active viewport alone, the others beneath it. */
  readonly oneUp = signal(false);
  readonly tool = signal<ToolName>("window");
  /** The menu of the toolbar that is open. */
  readonly menu = signal<MenuName | undefined>(undefined);
  /** The diagnostic viewport cannot be had: previews must do. */
  readonly broken = signal(false);

  readonly active = computed<Pane>(() => {
    const { value: panes } = this.panes;
    const pane = panes[this.activeIndex.value] ?? panes[0];
    if (!pane) throw new Error("a workspace always has a viewport");
    return pane;
  });

  /** The patient's other studies. */
  readonly comparing: Comparing;

  private readonly stops: (() => void)[] = [];

  constructor(readonly study: OpenStudy) {
    this.panes.value = [this.newPane()];
    this.comparing = new Comparing(this);
    this.stops.push(() => this.comparing.close());
    this.stops.push(
      effect(() => {
        const series = this.study.series.value;
        untracked(() => this.hang(series));
      }),
    );
  }

  activate(pane: Pane): void {
    const index = this.panes.peek().indexOf(pane);
    if (index >= 0) this.activeIndex.value = index;
  }

  /** Stand the viewports so. Those that fit keep what they show; new ones take the series that nobody shows. */
  setLayout(rows: number, columns: number): void {
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
    this.hang(this.study.series.peek());
  }

  toggleOneUp(): void {
    this.oneUp.value = !this.oneUp.peek() && this.panes.peek().length > 1;
  }

  /** Show it in a viewport, the active one when none is named. */
  show(showing: Showing, pane: Pane = this.active.peek()): void {
    batch(() => {
      pane.show(showing);
      this.activate(pane);
    });
  }

  showSeries(series: SeriesSummary, pane?: Pane): void {
    this.show({ kind: "stack", series }, pane);
  }

  /** In the active viewport, the series `step` further in the list, stopping at its ends. */
  showNeighbour(step: number): void {
    const series = this.study.series.peek();
    const shown = this.active.peek().showing.peek()?.series.seriesInstanceUid;
    const at = series.findIndex(({ seriesInstanceUid }) => seriesInstanceUid === shown);
    const next = series[at + step];
    if (at >= 0 && next) this.showSeries(next);
  }

  press(name: ButtonName): void {
    const pane = this.active.peek();
    if (isTool(name)) {
      this.tool.value = name;
      for (const { controls } of this.panes.peek()) controls.peek()?.setTool(name);
    } else if (isMenu(name)) {
      this.menu.value = this.menu.peek() === name ? undefined : name;
    } else if (name === "clear") {
      pane.tell(pane.controls.peek()?.clear());
    } else {
      pane.controls.peek()?.[name]();
    }
  }

  choose(preset: Preset): void {
    this.menu.value = undefined;
    this.active.peek().controls.peek()?.applyPreset(preset);
  }

  key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const pane = this.active.peek();
    if (event.key === "Escape") {
      this.menu.value = undefined;
      pane.controls.peek()?.letGo();
      return;
    }
    const step = STEPS[event.key];
    const seriesStep = SERIES_STEPS[event.key];
    const button = BUTTONS.find(({ key }) => key === event.code);
    if (step !== undefined) pane.goBy(step);
    else if (seriesStep !== undefined) this.showNeighbour(seriesStep);
    else if (button && !event.repeat) this.press(button.name);
    else return;
    event.preventDefault();
  }

  close(): void {
    for (const stop of this.stops) stop();
    for (const pane of this.panes.peek()) pane.close();
  }

  private newPane(): Pane {
    return new Pane(this.study.library);
  }

  /** Empty viewports take, in order, the series with pictures that none shows. */
  private hang(series: readonly SeriesSummary[]): void {
    const panes = this.panes.peek();
    const shown = new Set(panes.map(({ showing }) => showing.peek()?.series.seriesInstanceUid));
    const pictures = series.filter(({ modality }) => !isNoPicture(modality));
    const waiting = (pictures.length > 0 ? pictures : series).filter(({ seriesInstanceUid }) => !shown.has(seriesInstanceUid));
    batch(() => {
      for (const pane of panes) {
        if (pane.showing.peek()) continue;
        const next = waiting.shift();
        if (next) pane.show({ kind: "stack", series: next });
      }
    });
  }
}

/** Whether a key belongs to the element that has the focus: fields, lists and open menus keep theirs. */
function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("input:not([type=range]), select, textarea, [role=menu]") !== null;
}
