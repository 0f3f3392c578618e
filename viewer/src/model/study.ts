/** One study being read: its series, the series in the viewport and the image shown. */

import { batch, computed, signal } from "@preact/signals";

import type { DicomWeb, SeriesSummary } from "@/dicomweb/client";
import { seriesContent, type Frame, type SeriesContent } from "@/dicomweb/frames";
import { Failure, isAborted } from "@/dicomweb/http";
import type { Dataset } from "@/dicomweb/json";

const EMPTY: SeriesContent = { frames: [], others: [] };
const REFRESH_DELAY_MS = 500;

export class OpenStudy {
  /** The study's attributes as QIDO-RS gives them. */
  readonly dataset = signal<Dataset | undefined>(undefined);
  readonly series = signal<readonly SeriesSummary[]>([]);
  readonly selected = signal<SeriesSummary | undefined>(undefined);
  readonly content = signal<SeriesContent>(EMPTY);
  /** Whether `content` belongs to `selected` already. */
  readonly contentLoaded = signal(false);
  readonly failure = signal<Failure | undefined>(undefined);
  readonly loading = signal(true);
  /** Index of the image shown, from 0. */
  readonly imageIndex = signal(0);
  readonly frame = computed<Frame | undefined>(() => this.content.value.frames[this.imageIndex.value]);

  private readonly closed = new AbortController();
  private contentAsked: AbortController | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly web: DicomWeb,
    readonly studyInstanceUid: string,
  ) {}

  /** Load the list of series and show the first. */
  async open(): Promise<void> {
    this.loading.value = true;
    this.failure.value = undefined;
    await this.guarded(async () => {
      const study = this.web.study(this.studyInstanceUid, this.closed.signal);
      study.catch(() => {}); // its failure is raised where it is awaited
      await this.loadSeries();
      this.dataset.value = await study;
    });
    this.loading.value = false;
  }

  /** After a failure. */
  async retry(): Promise<void> {
    const { value: selected } = this.selected;
    if (selected) await this.select(selected);
    else await this.open();
  }

  close(): void {
    this.closed.abort();
    this.contentAsked?.abort();
    clearTimeout(this.timer);
  }

  async select(series: SeriesSummary): Promise<void> {
    if (series.seriesInstanceUid === this.selected.value?.seriesInstanceUid && !this.failure.value) return;
    batch(() => {
      this.selected.value = series;
      this.content.value = EMPTY;
      this.contentLoaded.value = false;
      this.imageIndex.value = 0;
      this.failure.value = undefined;
    });
    await this.loadContent(series);
  }

  /** Show the series `step` further in the list, stopping at its ends. */
  async selectNeighbour(step: number): Promise<void> {
    const { value: series } = this.series;
    const at = series.findIndex((one) => one.seriesInstanceUid === this.selected.value?.seriesInstanceUid);
    const next = series[at + step];
    if (at >= 0 && next) await this.select(next);
  }

  /** New objects have come for this study: follow, keeping the image that is being looked at. */
  touched(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.guarded(() => this.loadSeries());
    }, REFRESH_DELAY_MS);
  }

  private async loadSeries(): Promise<void> {
    const series = await this.web.series(this.studyInstanceUid, this.closed.signal);
    this.series.value = series;
    const current = this.selected.value;
    if (!current) {
      const first = series.find(({ modality }) => !isNoPicture(modality)) ?? series[0];
      if (first) await this.select(first);
      return;
    }
    const now = series.find(({ seriesInstanceUid }) => seriesInstanceUid === current.seriesInstanceUid);
    if (now && now.numberOfInstances !== current.numberOfInstances) {
      this.selected.value = now;
      await this.loadContent(now);
    }
  }

  private async loadContent(series: SeriesSummary): Promise<void> {
    this.contentAsked?.abort();
    const asked = new AbortController();
    this.contentAsked = asked;
    await this.guarded(async () => {
      const metadata = await this.web.metadata(this.studyInstanceUid, series.seriesInstanceUid, asked.signal);
      const content = seriesContent(this.studyInstanceUid, series.seriesInstanceUid, metadata);
      const looking = this.frame.value;
      batch(() => {
        this.content.value = content;
        this.contentLoaded.value = true;
        this.imageIndex.value = Math.max(0, content.frames.findIndex((frame) => isSame(frame, looking)));
      });
    });
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
const NO_PICTURE = new Set(["SR", "KO", "PR", "DOC", "REG", "RTPLAN", "RTSTRUCT", "RTRECORD", "SEG", "AU", "ECG", "PLAN"]);

/** Whether a series of this modality is better not the first to be shown. */
export function isNoPicture(modality: string): boolean {
  return NO_PICTURE.has(modality);
}

function isSame(frame: Frame, other: Frame | undefined): boolean {
  return frame.sopInstanceUid === other?.sopInstanceUid && frame.frameNumber === other.frameNumber;
}
