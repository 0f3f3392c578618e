/** One study being read: its attributes and its series. What of it is on the screen is the workspace's. */

import { computed, signal } from "@preact/signals";

import type { DicomWeb, SeriesSummary } from "@/dicomweb/client";
import { Failure, isAborted } from "@/dicomweb/http";
import type { Dataset } from "@/dicomweb/json";
import { FirstPictureLoad } from "@/model/firstPicture";
import { mixedSeries, NONE_MIXED, type MixedSeries } from "@/model/mixedSeries";
import { SeriesLibrary } from "@/model/seriesLibrary";
import type { Errands } from "@/offline/errands";

const REFRESH_DELAY_MS = 500;

export class OpenStudy {
  /** The study's attributes as QIDO-RS gives them. */
  readonly dataset = signal<Dataset | undefined>(undefined);
  readonly series = signal<readonly SeriesSummary[]>([]);
  /** Those of them that have something else among their images, as far as that is known. */
  readonly mixed = signal<MixedSeries>(NONE_MIXED);
  readonly failure = signal<Failure | undefined>(undefined);
  readonly loading = signal(true);
  /** The node answered that it has no such study. */
  readonly isUnknown = computed(() => this.failure.value?.status === 404 && !this.isWithdrawn.value);
  /** It was there when it was opened, and has been deleted or rejected since. */
  readonly isWithdrawn = signal(false);
  readonly library: SeriesLibrary;
  readonly firstPicture: FirstPictureLoad;

  private readonly closed = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly web: DicomWeb,
    readonly studyInstanceUid: string,
    /** What the node is to be told once it can be reached. */
    readonly errands?: Errands,
  ) {
    this.library = new SeriesLibrary(web);
    this.firstPicture = new FirstPictureLoad(studyInstanceUid);
  }

  /** Aborts when it is closed. */
  get stopped(): AbortSignal {
    return this.closed.signal;
  }

  /** Load the list of series and the study's attributes. */
  async open(): Promise<void> {
    this.loading.value = true;
    this.failure.value = undefined;
    void this.firstPicture.load();
    await this.guarded(async () => {
      const study = this.web.study(this.studyInstanceUid, this.closed.signal);
      study.catch(() => {}); // its failure is raised where it is awaited
      await this.loadSeries();
      this.dataset.value = await study;
      if (!this.dataset.value && this.series.value.length === 0) throw new Failure(404);
    });
    this.loading.value = false;
  }

  /** Whether something of it was not to be had. */
  get isLacking(): boolean {
    return this.failure.peek() !== undefined || this.library.isLacking;
  }

  /** The node is back: what was shown from this device, or was not to be had, is asked of the node again. */
  async renew(): Promise<void> {
    if (this.failure.peek() || !this.dataset.peek()) return this.open();
    await this.guarded(async () => {
      const study = await this.web.study(this.studyInstanceUid, this.closed.signal);
      await this.loadSeries();
      if (!study && this.series.value.length === 0) throw new Failure(404);
      this.dataset.value = study;
      this.library.renew();
    });
  }

  close(): void {
    this.closed.abort();
    this.library.close();
    this.firstPicture.close();
    clearTimeout(this.timer);
  }

  /** New objects have come for this study: follow. */
  touched(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.guarded(() => this.loadSeries());
    }, REFRESH_DELAY_MS);
  }

  private async loadSeries(): Promise<void> {
    const series = await this.web.series(this.studyInstanceUid, this.closed.signal);
    this.isWithdrawn.value = series.length === 0 && this.dataset.peek() !== undefined;
    if (this.isWithdrawn.peek()) return; // what was loaded stays to be looked at
    this.series.value = series;
    this.library.follow(series);
    this.firstPicture.whenSettled(() => void this.findMixed(series));
  }

  private async findMixed(series: readonly SeriesSummary[]): Promise<void> {
    try {
      this.mixed.value = await mixedSeries(this.web, this.studyInstanceUid, series, this.closed.signal);
    } catch (error) {
      if (!isAborted(error) && !(error instanceof Failure)) throw error; // a series that is opened tells it too
    }
  }

  private async guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (isAborted(error)) return;
      if (!(error instanceof Failure)) throw error;
      this.failure.value = error;
    }
  }
}

// PS3.3 C.7.3.1.1.1: modalities whose objects are read as text or laid over other images, never first.
const NO_PICTURE = new Set(["SR", "KO", "PR", "DOC", "REG", "RTPLAN", "RTSTRUCT", "RTRECORD", "SEG", "AU", "ECG", "EPS", "HD", "RESP", "PLAN", "ANN", "M3D", "RWV"]);

/** Whether a series of this modality is better not the first to be shown. */
export function isNoPicture(modality: string): boolean {
  return NO_PICTURE.has(modality);
}
