/** Hangs a study: by the reader's remembered choice or the best protocol when it opens, empty viewports in order later. */

import { batch, effect, signal, untracked } from "@preact/signals";

import type { SeriesSummary } from "@/dicomweb/client";
import { isPhone } from "@/model/device";
import { arrange, awaited, PROTOCOL_NAMES, suitable, type Arrangement, type ProtocolName } from "@/model/hanging";
import { layoutNamed, layoutName, ONE_UP, type Layout } from "@/model/layout";
import { isNoPicture } from "@/model/study";
import type { Workspace } from "@/model/workspace";

const REMEMBERED = "suret.hanging";
const AWAITED_MOST = 12; // series whose images are asked for before they are shown

/** A protocol, a layout filled in order (`2×3`), or the series in order in one viewport. */
type Choice = string;

function remembered(): Record<string, Choice> {
  try {
    const kept: unknown = JSON.parse(globalThis.localStorage?.getItem(REMEMBERED) ?? "{}");
    return typeof kept === "object" && kept !== null ? { ...(kept as Record<string, Choice>) } : {};
  } catch {
    return {}; // written by something else
  }
}

function isProtocol(choice: Choice | undefined): choice is ProtocolName {
  return (PROTOCOL_NAMES as readonly string[]).includes(choice ?? "");
}

export class Hanger {
  /** What hangs now; undefined: what the reader put together. */
  readonly protocol = signal<ProtocolName | "none" | undefined>(undefined);

  private opened = false;
  /** The reader has not moved anything yet: what is known later may still change the places. */
  private untouched = true;
  private readonly stop: () => void;
  private stopWaiting: () => void = () => {};

  constructor(private readonly workspace: Workspace) {
    this.stop = effect(() => {
      const { value: series } = workspace.study.series;
      if (series.length === 0) return;
      untracked(() => (this.opened ? this.fill() : this.open()));
    });
  }

  /** The protocols to choose from. */
  get offered(): ProtocolName[] {
    return suitable(this.pictures);
  }

  /** The reader chose: hang so, now and whenever a study of this modality is opened. */
  choose(protocol: ProtocolName | "none"): void {
    this.touched();
    this.remember(protocol);
    this.workspace.menu.value = undefined;
    this.hang(protocol);
  }

  chooseLayout(rows: number, columns: number): void {
    this.workspace.setLayout(rows, columns);
    this.remember(layoutName(this.workspace.layout.peek()));
  }

  /** The reader moves things: nothing changes places any more without being asked to. */
  touched(): void {
    this.untouched = false;
    this.stopWaiting();
    this.protocol.value = undefined;
  }

  /** Empty viewports take, in order, the series with pictures that none shows. */
  fill(): void {
    const panes = this.workspace.panes.peek();
    const shown = new Set(panes.map(({ showing }) => showing.peek()?.series.seriesInstanceUid));
    const waiting = this.pictures.filter(({ seriesInstanceUid }) => !shown.has(seriesInstanceUid));
    batch(() => {
      for (const pane of panes) {
        if (pane.showing.peek()) continue;
        const next = waiting.shift();
        if (next) pane.show({ kind: "stack", series: next });
      }
    });
  }

  close(): void {
    this.stop();
    this.stopWaiting();
  }

  private get pictures(): readonly SeriesSummary[] {
    const all = this.workspace.study.series.peek();
    const pictures = all.filter(({ modality }) => !isNoPicture(modality));
    return pictures.length > 0 ? pictures : all;
  }

  private open(): void {
    this.opened = true;
    if (!this.untouched) return this.fill();
    this.hang(remembered()[this.modalities]);
  }

  private hang(choice: Choice | undefined): void {
    const chosenLayout = typeof choice === "string" ? layoutNamed(choice) : undefined;
    if (chosenLayout && !isPhone()) this.hangInOrder(chosenLayout);
    else if (choice === "none") this.hangInOrder(ONE_UP, "none");
    else this.hangBy(isProtocol(choice) ? choice : undefined);
  }

  /** Under which a choice is remembered: `CT`, `CT+PT`. */
  private get modalities(): string {
    return [...new Set(this.pictures.map(({ modality }) => modality))].toSorted().join("+");
  }

  private remember(choice: Choice): void {
    if (this.modalities === "" || isPhone()) return;
    globalThis.localStorage?.setItem(REMEMBERED, JSON.stringify({ ...remembered(), [this.modalities]: choice }));
  }

  private hangInOrder({ rows, columns }: Layout, name?: "none"): void {
    const { workspace } = this;
    batch(() => {
      workspace.stand(rows, columns);
      for (const pane of workspace.panes.peek()) pane.show(undefined);
      workspace.activeIndex.value = 0;
      this.protocol.value = name;
    });
    this.fill();
  }

  private hangBy(chosen: ProtocolName | undefined): void {
    const arrangement = this.arrangement(chosen);
    if (!arrangement) return this.fill();
    this.place(arrangement);
    const wanted = awaited(this.pictures, arrangement.protocol);
    if (wanted.length === 0 || wanted.length > AWAITED_MOST) return;
    const loads = wanted.map((series) => this.workspace.study.library.of(series));
    this.stopWaiting();
    let placed = false;
    const stop = effect(() => {
      if (placed || !loads.every(({ loaded, failure }) => loaded.value || failure.value)) return;
      untracked(() => {
        const known = this.arrangement(arrangement.protocol);
        if (known) this.place(known);
        placed = true;
      });
    });
    this.stopWaiting = stop;
  }

  private arrangement(chosen: ProtocolName | undefined): Arrangement | undefined {
    const { library } = this.workspace.study;
    return arrange(this.pictures, (series) => library.known(series)?.content.peek().frames, chosen);
  }

  /** On a phone the first picture alone. */
  private place({ protocol, layout, pictures }: Arrangement): void {
    const { workspace } = this;
    const { rows, columns } = isPhone() ? ONE_UP : layout;
    const shown = isPhone() ? [pictures.find((picture) => picture !== undefined)] : pictures;
    batch(() => {
      workspace.stand(rows, columns);
      workspace.panes.peek().forEach((pane, index) => {
        const picture = shown[index];
        pane.show(picture && { kind: "stack", series: picture.series });
      });
      workspace.activeIndex.value = 0;
      this.protocol.value = protocol;
    });
    workspace.panes.peek().forEach((pane, index) => pane.goTo(shown[index]?.imageIndex ?? 0));
  }
}
