/** The patient's earlier examination beside what hangs, for kinds of studies that the reader wants opened so. */

import { batch, effect, untracked } from "@preact/signals";

import type { SeriesSummary } from "@/dicomweb/client";
import { besideEach, earlierPictures, isPlanar, standingIn } from "@/model/alike";
import { isPhone } from "@/model/device";
import { once } from "@/model/once";
import type { Kept } from "@/model/ownHanging";
import type { Workspace } from "@/model/workspace";

const NAME = "hanging.beside";
const PLANE_STACKS = new Set(["CT", "MR", "PT"]);

export class HangingBeside {
  /** Whether the earlier one stands there because a protocol hung it. */
  hung = false;

  private turn = 0;
  private stopWaiting: () => void = () => {};

  constructor(
    private readonly workspace: Workspace,
    private readonly kept: Kept,
    /** The kind of the study: `CT`, `CT+PT`. */
    private readonly modalities: () => string,
  ) {}

  /** Whether studies of this kind open with the earlier examination beside. */
  get isWanted(): boolean {
    return !isPhone() && this.kinds.includes(this.modalities());
  }

  want(on: boolean): void {
    const others = this.kinds.filter((kind) => kind !== this.modalities());
    this.kept.set(NAME, on ? [...others, this.modalities()] : others);
  }

  /** As soon as it is known whose study it is, unless something else is hung or moved before. */
  hang(): void {
    this.cancel();
    const { turn } = this;
    this.stopWaiting = effect(() => {
      if (!this.workspace.study.dataset.value) return;
      untracked(() => void this.find(turn));
    });
  }

  /** What is on its way comes too late. */
  cancel(): void {
    this.turn += 1;
    this.stopWaiting();
  }

  private get kinds(): readonly string[] {
    const kept = this.kept.get(NAME);
    return Array.isArray(kept) ? kept.filter((kind): kind is string => typeof kind === "string") : [];
  }

  private async find(turn: number): Promise<void> {
    const { workspace } = this;
    const { comparing, panes, study } = workspace;
    const found = await comparing.earlier();
    if (turn !== this.turn || !found) return;
    const own = panes.peek().flatMap(({ showing }) => showing.peek()?.series ?? []);
    await this.known([...own, ...found.series].filter(({ modality }) => isPlanar(modality)));
    if (turn !== this.turn) return;
    const now = panes.peek().flatMap((pane) => standingIn(pane) ?? []);
    const framesOf = (series: SeriesSummary) => study.library.known(series)?.content.peek().frames;
    const beside = besideEach(now, earlierPictures(now, found.series, framesOf));
    if (!beside) return void (found.isNamed && comparing.show(found.prior));
    batch(() => {
      workspace.stand(beside.layout.rows, beside.layout.columns);
      panes.peek().forEach((pane, index) => {
        const picture = beside.pictures[index];
        pane.show(picture && { kind: "stack", series: picture.series });
      });
      workspace.activeIndex.value = 0;
      comparing.beside.value = found.prior;
      this.hung = true;
    });
    panes.peek().forEach((pane, index) => pane.goTo(beside.pictures[index]?.imageIndex ?? 0));
    if (now.some(({ series }) => PLANE_STACKS.has(series.modality))) workspace.linking.byPosition();
  }

  /** Views and sides of radiographs are in the images. */
  private async known(series: readonly SeriesSummary[]): Promise<void> {
    const loads = series.map((one) => this.workspace.study.library.of(one));
    await new Promise<void>((resolve) => {
      once(() => loads.every(({ loaded, failure }) => loaded.value || failure.value), resolve);
    });
  }
}
