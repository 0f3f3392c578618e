/** Two series of one patient, one over the other: which may be, and how it is shown; one for all planes of a series. */

import { signal } from "@preact/signals";

import type { SeriesSummary } from "@/dicomweb/client";
import type { MaybeVolume, VolumeGeometry } from "@/dicomweb/geometry";
import { Tag, text } from "@/dicomweb/json";
import type { Workspace } from "@/model/workspace";
import type { Ends, Preset } from "@/tools/presets";

/** What lies over the planes of the series `base`. */
export interface Fusion {
  readonly base: string;
  readonly over: SeriesSummary;
  readonly volume: VolumeGeometry;
  readonly colours: string;
  /** Of a display state, under the name of `colours`: red, green and blue of each entry, 0 to 1. */
  readonly palette?: readonly number[] | undefined;
  /** 0: not seen, 1: nothing beneath is. */
  readonly opacity: number;
  /** Not seen at the window's first value and `opacity` at its last; else `opacity` everywhere. */
  readonly ramped: boolean;
  /** Undefined: as images of its kind are opened. */
  readonly preset: Preset | undefined;
}

/** The name of a window that was set by hand. */
export const BY_HAND = "by-hand";

/** From which value to which the colours go; never from one to the same. */
export function windowBetween({ lower, upper }: Ends): Preset {
  const width = Math.max(upper - lower, Number.EPSILON);
  return { name: BY_HAND, label: { key: "fusion.window.byHand" }, kind: "values", window: { center: lower + width / 2, width }, exact: true };
}

export const fusion = signal<Fusion | undefined>(undefined);

/** Of the active study, what could lie over a series: emission and anatomy, each over the other. */
export function fusible({ study }: Workspace, base: SeriesSummary): readonly SeriesSummary[] {
  if (base.studyInstanceUid !== study.studyInstanceUid) return [];
  return study.series.value.filter(
    ({ seriesInstanceUid, modality }) => seriesInstanceUid !== base.seriesInstanceUid && VOLUMES.has(modality),
  );
}

const VOLUMES = new Set(["PT", "NM", "CT", "MR"]);

/** What something is to lie over: a volume, or images of one space. */
export type Beneath = Pick<VolumeGeometry, "frames" | "frameOfReferenceUid">;

export type FusionRefusal = "patient" | "reference" | "volume";

/** Why one volume may not lie over another: neither distance nor likeness proves that two series fit. */
export function refusalOf(base: Beneath, over: MaybeVolume): FusionRefusal | undefined {
  if (!over.volume) return "volume";
  const [below, above] = [base.frames[0]?.dataset ?? {}, over.volume.frames[0]?.dataset ?? {}];
  for (const tag of [Tag.PatientID, Tag.PatientName]) if (text(below, tag) !== text(above, tag)) return "patient";
  const { frameOfReferenceUid } = base;
  return frameOfReferenceUid === "" || frameOfReferenceUid !== over.volume.frameOfReferenceUid ? "reference" : undefined;
}
