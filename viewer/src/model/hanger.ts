/** Hangs a study: by the reader's remembered choice or the best protocol when it opens, empty viewports in order later. */

import { batch, effect, signal, untracked } from "@preact/signals";

import type { SeriesSummary } from "@/dicomweb/client";
import { text } from "@/dicomweb/json";
import { isPhone } from "@/model/device";
import { record, string } from "@/model/decode";
import { arrange, awaited, suitable, wantsPrior, withPrior, type Arrangement, type Hangable, type Protocol } from "@/model/hanging";
import { HangingBeside } from "@/model/hangingBeside";
import { layoutNamed, layoutName, ONE_UP, sizeOf, type Layout } from "@/model/layout";
import { asProtocol, OwnProtocols, parts, TEXT_LONGEST, type Kept, type OwnPlace, type OwnProtocol } from "@/model/ownHanging";
import type { Pane } from "@/model/pane";
import { isNoPicture } from "@/model/study";
import type { Workspace } from "@/model/workspace";

const CHOICES = "hanging.choices";
const AWAITED_MOST = 12; // series whose images are asked for before they are shown

/** A protocol, a layout filled in order (`2×3`), or the series in order in one viewport. */
type Choice = string;

export class Hanger {
  /** What hangs now; undefined: what the reader put together. */
  readonly protocol = signal<string | undefined>(undefined);
  /** The reader's own protocol that is being made or changed. */
  readonly edited = signal<OwnProtocol | undefined>(undefined);

  readonly own: OwnProtocols;
  /** The earlier examination beside, where the reader wants it. */
  readonly beside: HangingBeside;

  /** It was looked for an earlier examination, and there is none. */
  private readonly isFirst = signal(false);
  private prior: readonly SeriesSummary[] | undefined;

  private opened = false;
  /** The reader has not moved anything yet: what is known later may still change the places. */
  private untouched = true;
  /** A protocol had the stacks scrolled together: what hangs after it begins without. */
  private linked = false;
  private readonly stop: () => void;
  private stopWaiting: () => void = () => {};
  private stopWaitingForPrior: () => void = () => {};

  constructor(
    private readonly workspace: Workspace,
    private readonly kept: Kept,
  ) {
    this.own = new OwnProtocols(kept);
    this.beside = new HangingBeside(workspace, kept, () => this.modalities);
    const follow = effect(() => {
      const { value: series } = workspace.study.series;
      if (series.length === 0) return;
      untracked(() => {
        if (!this.opened) return this.open();
        this.empty();
        this.fill();
      });
    });
    const learn = effect(() => {
      if (kept.loaded.value) untracked(() => this.opened && this.untouched && this.hang(this.remembered[this.modalities]));
    });
    this.stop = () => {
      follow();
      learn();
    };
  }

  /** The protocols to choose from. */
  get offered(): string[] {
    const { series, own, framesOf } = this.hangable;
    return suitable(series, own, framesOf);
  }

  /** Make a protocol out of what hangs now. */
  draft(): void {
    const { layout, panes, study } = this.workspace;
    const places = panes.peek().map((pane) => placeOf(pane, study.studyInstanceUid));
    const modalities = [...new Set(places.map(({ modality }) => modality).filter((modality) => modality !== ""))];
    this.edit({ id: `own-${Date.now().toString(36)}`, name: "", modalities, bodyPart: "", ...layout.peek(), linked: this.workspace.switches.linked.peek(), places });
  }

  edit(protocol: OwnProtocol): void {
    this.workspace.menu.value = undefined;
    this.edited.value = protocol;
  }

  /** Keep a protocol and hang the study by it where it suits; false when there are too many. */
  keep(protocol: OwnProtocol): boolean {
    if (!this.own.save(protocol)) return false;
    if (this.offered.includes(protocol.id)) this.choose(protocol.id);
    return true;
  }

  /** The reader chose: hang so, now and whenever a study of this modality is opened. */
  choose(protocol: string): void {
    this.touched();
    this.remember(protocol);
    this.workspace.menu.value = undefined;
    this.hang(protocol);
  }

  /** Stand the viewports so, and remember it for other studies unless it is for the few series of this one alone. */
  chooseLayout(rows: number, columns: number): void {
    this.workspace.setLayout(rows, columns);
    const layout = this.workspace.layout.peek();
    if (this.isFilled(layout)) this.remember(layoutName(layout));
  }

  /** From now on such studies open with the earlier examination beside, or alone, and this one hangs so. */
  hangBeside(on: boolean): void {
    this.beside.want(on);
    this.anew(on);
  }

  /** Hang as the reader likes it, this once without what stood beside. */
  alone(): void {
    this.anew(false);
  }

  private anew(beside: boolean): void {
    this.touched();
    this.workspace.menu.value = undefined;
    this.hang(this.remembered[this.modalities], beside);
    if (!beside) this.workspace.comparing.beside.value = undefined; // after it has left: the address follows
  }

  /** The reader moves things: nothing changes places any more without being asked to. */
  touched(): void {
    this.untouched = false;
    this.stopWaiting();
    this.beside.cancel();
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

  /** What is no longer in the study leaves the screen. */
  private empty(): void {
    const { study, panes } = this.workspace;
    const uids = new Set(study.series.peek().map(({ seriesInstanceUid }) => seriesInstanceUid));
    for (const pane of panes.peek()) {
      const series = pane.showing.peek()?.series;
      if (series?.studyInstanceUid === study.studyInstanceUid && !uids.has(series.seriesInstanceUid)) pane.show(undefined);
    }
  }

  close(): void {
    this.stop();
    this.stopWaiting();
    this.stopWaitingForPrior();
    this.beside.cancel();
  }

  private get pictures(): readonly SeriesSummary[] {
    const all = this.workspace.study.series.peek();
    const pictures = all.filter(({ modality }) => !isNoPicture(modality));
    return pictures.length > 0 ? pictures : all;
  }

  private open(): void {
    this.opened = true;
    if (!this.untouched) return this.fill();
    this.hang(this.remembered[this.modalities]);
  }

  private hang(choice: Choice | undefined, beside = this.beside.isWanted): void {
    this.beside.hung = false;
    const chosenLayout = typeof choice === "string" ? layoutNamed(choice) : undefined;
    if (chosenLayout && this.isFilled(chosenLayout) && !isPhone()) this.hangInOrder(chosenLayout);
    else if (choice === "none") this.hangInOrder(ONE_UP, "none");
    else this.hangBy(choice);
    if (beside && !wantsPrior(this.protocols, this.protocol.peek() ?? "")) this.beside.hang();
  }

  /** Whether the study has pictures for most of the places. */
  private isFilled(layout: Layout): boolean {
    return 2 * this.pictures.length > sizeOf(layout);
  }

  /** Whether a viewport stands empty for an earlier examination that is not there. */
  lacksPrior(pane: Pane): boolean {
    const index = this.workspace.panes.value.indexOf(pane);
    return this.isFirst.value && wantsPrior(this.protocols, this.protocol.value ?? "", index);
  }

  /** Under which a choice is remembered: `CT`, `CT+PT`. */
  get modalities(): string {
    return [...new Set(this.pictures.map(({ modality }) => modality))].toSorted().join("+");
  }

  private get remembered(): Readonly<Record<string, Choice>> {
    return Object.fromEntries(Object.entries(record(this.kept.get(CHOICES))).map(([modalities, choice]) => [modalities, string(choice)]));
  }

  private remember(choice: Choice): void {
    if (this.modalities === "" || isPhone()) return;
    this.kept.set(CHOICES, { ...this.remembered, [this.modalities]: choice });
  }

  private hangInOrder({ rows, columns }: Layout, name?: "none"): void {
    const { workspace } = this;
    batch(() => {
      workspace.stand(rows, columns);
      for (const pane of workspace.panes.peek()) pane.show(undefined);
      workspace.activeIndex.value = 0;
      this.protocol.value = name;
    });
    this.link(false);
    this.fill();
  }

  private hangBy(chosen: string | undefined): void {
    const arrangement = this.arrangement(chosen);
    if (!arrangement) return this.fill();
    this.place(arrangement);
    if (!isPhone() && wantsPrior(this.protocols, arrangement.protocol)) this.askForPrior(arrangement.protocol, chosen);
    const wanted = awaited(this.hangable, arrangement.protocol);
    if (wanted.length === 0 || wanted.length > AWAITED_MOST) return;
    const loads = wanted.map((series) => this.workspace.study.library.of(series));
    this.stopWaiting();
    let placed = false;
    const stop = effect(() => {
      if (placed || !loads.every(({ loaded, failure }) => loaded.value || failure.value)) return;
      untracked(() => {
        const known = this.arrangement(chosen); // another protocol may suit better, now that views and sides are known
        if (known) this.place(known);
        placed = true;
      });
    });
    this.stopWaiting = stop;
  }

  /** Places for the patient's earlier study are filled once it is found, unless the reader moved something. */
  private askForPrior(protocol: string, chosen: string | undefined): void {
    if (this.prior) return;
    const { study, comparing } = this.workspace;
    const stop = effect(() => {
      if (!study.dataset.value) return;
      untracked(async () => {
        this.prior = (await comparing.earlier())?.series ?? [];
        this.isFirst.value = this.prior.length === 0 && !comparing.failed.peek();
        if (this.protocol.peek() !== protocol) return;
        if (this.prior.length > 0) this.hangBy(protocol);
        else if (this.beside.isWanted) this.hangBy(chosen);
      });
    });
    this.stopWaitingForPrior = stop;
  }

  private get protocols(): Protocol[] {
    return this.own.all.value.map(asProtocol);
  }

  private get hangable(): Hangable {
    const { library } = this.workspace.study;
    return {
      series: this.pictures,
      framesOf: (series) => library.known(series)?.content.peek().frames,
      own: this.protocols,
      ...(this.prior && { prior: this.prior }),
    };
  }

  private arrangement(chosen: string | undefined): Arrangement | undefined {
    const found = arrange(this.hangable, chosen);
    const other = this.beside.isWanted && this.prior?.length !== 0 ? withPrior(found?.protocol) : undefined;
    return other ? arrange(this.hangable, other) : found;
  }

  /** On a phone the first picture alone. */
  private place({ protocol, layout, pictures, linked }: Arrangement): void {
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
    this.link(linked && shown.filter((picture) => picture !== undefined).length > 1);
  }

  private link(on: boolean): void {
    const { linking, switches } = this.workspace;
    if (on) linking.byPosition();
    else if (this.linked) switches.linked.value = false;
    this.linked = on;
  }
}

const VIEW_POSITION = "00185101";
const LATERALITIES = ["00200062", "00200060"]; // of the image, of the series

/** What a place asks for, so that what stands in the viewport would stand there again. */
function placeOf({ showing, frame }: Pane, studyInstanceUid: string): OwnPlace {
  const series = showing.peek()?.series;
  const dataset = frame.peek()?.dataset ?? {};
  const isPlanar = ["CR", "DX", "MG"].includes(series?.modality ?? "");
  const laterality = LATERALITIES.map((tag) => text(dataset, tag)).find((value) => value !== "") ?? "";
  const [words = ""] = parts(series?.description ?? "").toSorted((a, b) => b.length - a.length);
  return {
    modality: series?.modality ?? "",
    words: isPlanar ? "" : words.slice(0, TEXT_LONGEST),
    view: isPlanar ? text(dataset, VIEW_POSITION) : "",
    laterality: isPlanar && (laterality === "L" || laterality === "R") ? laterality : "",
    prior: series !== undefined && series.studyInstanceUid !== studyInstanceUid,
  };
}
