/** The contents of series, each loaded once however many viewports show it. */

import { batch, signal } from "@preact/signals";

import type { DicomWeb, SeriesSummary } from "@/dicomweb/client";
import { seriesContent, type SeriesContent } from "@/dicomweb/frames";
import { Failure, isAborted } from "@/dicomweb/http";

const EMPTY: SeriesContent = { frames: [], others: [], slides: [], marked: [] };

/** The images and other objects of one series. */
export class SeriesLoad {
  readonly content = signal<SeriesContent>(EMPTY);
  /** Whether `content` is the series' own already. */
  readonly loaded = signal(false);
  readonly failure = signal<Failure | undefined>(undefined);

  private asked: AbortController | undefined;

  constructor(
    private readonly web: DicomWeb,
    public summary: SeriesSummary,
  ) {}

  async load(): Promise<void> {
    this.asked?.abort();
    const asked = new AbortController();
    this.asked = asked;
    const { studyInstanceUid, seriesInstanceUid } = this.summary;
    this.failure.value = undefined;
    try {
      const metadata = await this.web.metadata(studyInstanceUid, seriesInstanceUid, asked.signal);
      batch(() => {
        this.content.value = seriesContent(studyInstanceUid, seriesInstanceUid, metadata);
        this.loaded.value = true;
      });
    } catch (error) {
      if (isAborted(error)) return;
      if (!(error instanceof Failure)) throw error;
      this.failure.value = error;
    }
  }

  close(): void {
    this.asked?.abort();
  }
}

export class SeriesLibrary {
  private readonly loads = new Map<string, SeriesLoad>();

  constructor(private readonly web: DicomWeb) {}

  /** The load of a series, begun when nobody asked for it before. */
  of(series: SeriesSummary): SeriesLoad {
    const known = this.loads.get(series.seriesInstanceUid);
    if (known) return known;
    const load = new SeriesLoad(this.web, series);
    this.loads.set(series.seriesInstanceUid, load);
    void load.load();
    return load;
  }

  /** The load of a series, if somebody asked for it. */
  known({ seriesInstanceUid }: SeriesSummary): SeriesLoad | undefined {
    return this.loads.get(seriesInstanceUid);
  }

  /** Load again what has grown or shrunk since. */
  follow(all: readonly SeriesSummary[]): void {
    for (const series of all) {
      const load = this.loads.get(series.seriesInstanceUid);
      if (!load || load.summary.numberOfInstances === series.numberOfInstances) continue;
      load.summary = series;
      void load.load();
    }
  }

  /** Whether the contents of some series were not to be had. */
  get isLacking(): boolean {
    return [...this.loads.values()].some(({ failure }) => failure.peek() !== undefined);
  }

  /** Load everything again: what is here may be older than what the node has. */
  renew(): void {
    for (const load of this.loads.values()) void load.load();
  }

  close(): void {
    for (const load of this.loads.values()) load.close();
    this.loads.clear();
  }
}
