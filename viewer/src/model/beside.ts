/** What the archive has of the other studies on the screen: shown with their images, and left as it is. */

import { computed, effect, signal, untracked } from "@preact/signals";

import type { SeriesSummary } from "@/dicomweb/client";
import type { Frame } from "@/dicomweb/frames";
import { Failure, isAborted } from "@/dicomweb/http";
import { isOwn, text, type Dataset } from "@/dicomweb/json";
import { measurementsOf, type Measured } from "@/dicomweb/measured";
import type { Pane } from "@/model/pane";
import { currentReports, keysOf, remarksIn, reportsOf } from "@/model/remarks";
import type { Workspace } from "@/model/workspace";

const FRAME_OF_REFERENCE_UID = "00200052";

function left(one: Measured, fixed: boolean): Measured {
  return { ...one, fixed };
}

export class Beside {
  /** All series of the other studies that were looked at, by study. */
  private readonly listed = signal<ReadonlyMap<string, readonly SeriesSummary[]>>(new Map());
  private readonly asked = new Set<string>();
  private readonly closed = new AbortController();
  private readonly stops: (() => void)[];

  private readonly objects = computed<ReadonlyMap<string, readonly Dataset[]>>(
    () => new Map([...this.listed.value].map(([study, series]) => [study, remarksIn(series, this.workspace.study.library)])),
  );
  readonly keyImages = computed<ReadonlySet<string>>(() => {
    const found = new Set<string>();
    for (const all of this.objects.value.values()) for (const key of keysOf(all)) found.add(key);
    return found;
  });
  /** None of them is the reader's to change here, whoever drew it. */
  readonly measurements = computed<readonly Measured[]>(() =>
    [...this.objects.value.values()]
      .flatMap((all) => currentReports(reportsOf(all)))
      .flatMap((report) => measurementsOf(report).map((one) => left(one, isOwn(report)))),
  );
  /** The images of other studies that are on the screen. */
  readonly frames = computed<readonly Frame[]>(() =>
    this.workspace.panes.value.filter((pane) => this.holds(pane)).flatMap((pane) => pane.content.value.frames),
  );

  /** The studies that stand on the screen beside the one that is read, each with all its series, once they are known. */
  readonly studies = computed<readonly (readonly SeriesSummary[])[]>(() => {
    const shown = new Set(this.workspace.panes.value.filter((pane) => this.holds(pane)).map((pane) => pane.showing.value?.series.studyInstanceUid));
    return [...this.listed.value].filter(([study]) => shown.has(study)).map(([, series]) => series);
  });

  constructor(private readonly workspace: Workspace) {
    this.stops = [
      effect(() => {
        for (const pane of workspace.panes.value) {
          const study = pane.frame.value?.studyInstanceUid; // its images go first
          if (study !== undefined && this.holds(pane)) untracked(() => void this.ask(study));
        }
      }),
      effect(() => {
        const [module, frames, measurements] = [workspace.saving.module.value, this.frames.value, this.measurements.value];
        untracked(() => workspace.curves.place(measurements.filter(({ kind, foreign }) => kind === "curve" && !foreign)));
        if (module && frames.length > 0) untracked(() => module.place(frames, this.inTheirSpace(measurements)));
      }),
    ];
  }

  /** Whether the viewport shows another study than the one that is read. */
  holds(pane: Pane): boolean {
    const study = pane.showing.value?.series.studyInstanceUid;
    return study !== undefined && study !== this.workspace.study.studyInstanceUid;
  }

  /** Show a series where its study stands, or nothing does: what is read and what stands beside take no place of each other. */
  showSeries(series: SeriesSummary): void {
    this.workspace.showSeries(series, this.placeFor(series));
  }

  /** The viewport for it; undefined where its study stands nowhere. */
  placeFor(series: SeriesSummary): Pane | undefined {
    const { workspace } = this;
    const own = workspace.study.studyInstanceUid;
    const standing = workspace.panes.peek().filter((pane) => (pane.showing.peek()?.series.studyInstanceUid ?? own) === series.studyInstanceUid);
    const active = workspace.active.peek();
    return standing.includes(active) ? active : standing[0];
  }

  /** The objects of a study beside that tell of its images. */
  objectsOf(studyInstanceUid: string): readonly Dataset[] {
    return this.objects.value.get(studyInstanceUid) ?? [];
  }

  /** The series that a state or a selection of a study beside may be about. */
  get series(): readonly SeriesSummary[] {
    return [...this.listed.value.values()].flat();
  }

  close(): void {
    this.closed.abort();
    for (const stop of this.stops) stop();
  }

  private async ask(study: string): Promise<void> {
    if (this.asked.has(study)) return;
    this.asked.add(study);
    try {
      const series = await this.workspace.study.web.series(study, this.closed.signal);
      this.listed.value = new Map([...this.listed.peek(), [study, series]]);
    } catch (error) {
      if (isAborted(error)) return;
      if (!(error instanceof Failure)) throw error;
      this.asked.delete(study); // the next look at the study asks again
    }
  }

  /** Where both studies lie in one space, planes would show the prior's on the images of today: then only its own images do. */
  private inTheirSpace(measurements: readonly Measured[]): Measured[] {
    const spaces = new Set(
      this.workspace.panes
        .peek()
        .filter((pane) => !this.holds(pane))
        .flatMap((pane) => pane.content.peek().frames.map(({ dataset }) => text(dataset, FRAME_OF_REFERENCE_UID))),
    );
    return measurements.map((one) => (one.space && spaces.has(one.space.frameOfReferenceUid) ? { ...one, foreign: true } : one));
  }
}
