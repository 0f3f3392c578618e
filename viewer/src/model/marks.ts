/** Segmentations and structure sets of a study, as a reader switches them on over the images. */

import { batch, computed, effect, signal, untracked, type ReadonlySignal, type Signal } from "@preact/signals";

import { framePath, type SeriesSummary } from "@/dicomweb/client";
import type { SeriesContent } from "@/dicomweb/frames";
import type { Vector } from "@/dicomweb/geometry";
import { Tag, text, type Dataset } from "@/dicomweb/json";
import { reach } from "@/dicomweb/reach";
import { FRAME_OF_REFERENCE_UID, isSegmentation, segmentationOf, type Part, type Segmentation } from "@/dicomweb/segmentation";
import { structureSetOf, type Structure, type StructureSet } from "@/dicomweb/structureSet";
import { middleOf as middleOfSegment, type Cells } from "@/model/masks";
import { middleOf as middleOfStructure } from "@/model/outlines";
import { laidOverAmong } from "@/model/seriesParts";
import type { Workspace } from "@/model/workspace";

const MODALITIES = new Set(["SEG", "RTSTRUCT"]);
const UNCOMPRESSED = "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1";
const AT_ONCE = 4;
const OPACITY = 0.4;

export interface MarkedPart extends Part {
  readonly shown: Signal<boolean>;
  /** Where it is, mm. */
  readonly middle: Vector | undefined;
  readonly structure?: Structure;
}

function ofStructure(structure: Structure): MarkedPart {
  return Object.assign({ shown: signal(true), middle: middleOfStructure(structure), structure }, structure);
}

function ofSegment(part: Part, segmentation: Segmentation): MarkedPart {
  return Object.assign({ shown: signal(true), middle: middleOfSegment(segmentation, part.number) }, part);
}

/** One segmentation or structure set. */
export class Marks {
  readonly parts: readonly MarkedPart[];
  readonly shown = signal(false);
  /** Of what is inside; outlines are always whole. */
  readonly opacity = signal(OPACITY);
  /** How many of its frames are here. */
  readonly loaded = signal(0);
  readonly failed = signal(false);

  private readonly cells = new Map<number, Cells>();
  private loading = false;

  constructor(
    readonly series: SeriesSummary,
    readonly title: string,
    readonly source: Segmentation | StructureSet,
    /** Whether it lies among the images of its series. */
    readonly isAmongImages = false,
  ) {
    this.parts = "left" in source ? source.parts.map(ofStructure) : source.parts.map((part) => ofSegment(part, source));
  }

  get segmentation(): Segmentation | undefined {
    return "frames" in this.source ? this.source : undefined;
  }

  get modality(): string {
    return this.segmentation ? "SEG" : "RTSTRUCT";
  }

  get total(): number {
    return this.segmentation?.frames.length ?? 0;
  }

  cellsOf(frameNumber: number): Cells | undefined {
    return this.cells.get(frameNumber);
  }

  /** Whether it was drawn on images like these, or in their space. */
  belongsTo({ frames }: SeriesContent): boolean {
    const [first] = frames;
    if (!first) return false;
    const { frameOfReferenceUid, referencedSeries } = this.source;
    if ([...referencedSeries, ...(this.isAmongImages ? [this.series.seriesInstanceUid] : [])].includes(first.seriesInstanceUid)) return true;
    return frameOfReferenceUid !== "" && text(first.dataset, FRAME_OF_REFERENCE_UID) === frameOfReferenceUid;
  }

  turn(on: boolean): void {
    this.shown.value = on;
    if (on) void this.load();
  }

  /** The frames that are not here yet. What failed is asked for again when it is switched on again. */
  private async load(): Promise<void> {
    const { segmentation } = this;
    if (!segmentation || this.loading) return;
    this.loading = true;
    this.failed.value = false;
    const waiting = segmentation.frames.filter(({ frame }) => !this.cells.has(frame.frameNumber));
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next && this.shown.peek(); next = waiting.shift()) {
        const { frame } = next;
        const answer = await reach(framePath(frame), { headers: { Accept: UNCOMPRESSED }, credentials: "same-origin" });
        if (!answer.ok) throw new Error(`the node answered ${answer.status}`);
        const bytes = await answer.arrayBuffer();
        this.cells.set(frame.frameNumber, segmentation.bits === 16 ? new Uint16Array(bytes) : new Uint8Array(bytes));
        this.loaded.value += 1;
      }
    };
    try {
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
    } catch {
      this.failed.value = true;
    }
    this.loading = false;
  }
}

/** Those of a study: which there may be, and those that were asked for. */
export class StudyMarks {
  readonly all = signal<readonly Marks[]>([]);
  readonly candidates: ReadonlySignal<readonly SeriesSummary[]>;
  private asked = false;

  constructor(private readonly workspace: Workspace) {
    this.candidates = computed(() => workspace.study.series.value.filter(({ modality, seriesInstanceUid }) => MODALITIES.has(modality) || this.isMarked(seriesInstanceUid)));
  }

  private isMarked(seriesInstanceUid: string): boolean {
    return this.workspace.study.mixed.value.marked.has(seriesInstanceUid);
  }

  /** Read what each of them is, now and when others come. */
  ask(): void {
    if (this.asked) return;
    this.asked = true;
    effect(() => {
      for (const series of this.candidates.value) {
        const load = untracked(() => this.workspace.study.library.of(series));
        const content = load.content.value;
        untracked(() => this.take(series, content));
      }
    });
  }

  private take(series: SeriesSummary, content: SeriesContent): void {
    const { frames, others, marked } = content;
    const known = new Set(this.all.peek().map(({ source }) => source.sopInstanceUid));
    const made: Marks[] = [];
    const isMixed = laidOverAmong(content).length > 0;
    const candidates = (marked.length > 0 ? marked : frames).filter(({ dataset, sopInstanceUid }) => isSegmentation(dataset) && !known.has(sopInstanceUid));
    for (const uid of new Set(candidates.map(({ sopInstanceUid }) => sopInstanceUid))) {
      const own = candidates.filter(({ sopInstanceUid }) => sopInstanceUid === uid).toSorted((a, b) => a.frameNumber - b.frameNumber);
      const read = segmentationOf(own);
      if (read) made.push(new Marks(series, titleOf(series, own[0]?.dataset, isMixed), read, isMixed));
    }
    for (const dataset of others) {
      const read = structureSetOf(dataset);
      if (read && !known.has(read.sopInstanceUid)) made.push(new Marks(series, read.label || titleOf(series, dataset, isMixed), read, isMixed));
    }
    if (made.length > 0) batch(() => (this.all.value = [...this.all.peek(), ...made]));
  }
}

const CONTENT_DESCRIPTION = "00700081";

/** `isMixed`: the series is called after the images in it. */
function titleOf(series: SeriesSummary, dataset: Dataset | undefined, isMixed: boolean): string {
  const said = dataset && (text(dataset, CONTENT_DESCRIPTION) || text(dataset, Tag.SeriesDescription));
  return (!isMixed && series.description) || said || series.description || series.modality;
}

const studies = new WeakMap<Workspace, StudyMarks>();

export function marksOf(workspace: Workspace): StudyMarks {
  const known = studies.get(workspace) ?? new StudyMarks(workspace);
  studies.set(workspace, known);
  return known;
}
