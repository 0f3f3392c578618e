/** What an object without pictures is, in words. */

import type { PlainKey } from "@/i18n/catalogue";
import type { IconName } from "@/ui/icons";

export interface ObjectKind {
  readonly label: PlainKey;
  /** What such an object is for. */
  readonly words: PlainKey;
  readonly icon: IconName;
}

export const KINDS = {
  report: { label: "card.report", words: "card.report.words", icon: "document" },
  keyObjects: { label: "card.keyObjects", words: "card.keyObjects.words", icon: "key" },
  presentation: { label: "card.presentation", words: "card.presentation.words", icon: "preset" },
  document: { label: "card.document", words: "card.document.words", icon: "document" },
  segmentation: { label: "card.segmentation", words: "card.segmentation.words", icon: "image" },
  structures: { label: "card.structures", words: "card.structures.words", icon: "freehand" },
  registration: { label: "card.registration", words: "card.registration.words", icon: "pan" },
  radiotherapy: { label: "card.radiotherapy", words: "card.radiotherapy.words", icon: "document" },
  waveform: { label: "card.waveform", words: "card.waveform.words", icon: "wave" },
  video: { label: "card.video", words: "card.video.words", icon: "cine" },
  model: { label: "card.model", words: "card.model.words", icon: "volume" },
  mapping: { label: "card.mapping", words: "card.mapping.words", icon: "preset" },
  annotations: { label: "card.annotations", words: "card.annotations.words", icon: "freehand" },
  raw: { label: "card.raw", words: "card.raw.words", icon: "document" },
  other: { label: "card.other", words: "card.other.words", icon: "document" },
} as const satisfies Readonly<Record<string, ObjectKind>>;

const BY_MODALITY: Readonly<Record<string, ObjectKind>> = {
  SR: KINDS.report,
  KO: KINDS.keyObjects,
  PR: KINDS.presentation,
  DOC: KINDS.document,
  SEG: KINDS.segmentation,
  REG: KINDS.registration,
  RTPLAN: KINDS.radiotherapy,
  RTSTRUCT: KINDS.structures,
  RTRECORD: KINDS.radiotherapy,
  ECG: KINDS.waveform,
  EPS: KINDS.waveform,
  HD: KINDS.waveform,
  RESP: KINDS.waveform,
  AU: KINDS.waveform,
  ANN: KINDS.annotations,
  M3D: KINDS.model,
};

const STORAGE = "1.2.840.10008.5.1.4.1.1";

/** SOP classes (PS3.4 B.5), the longest beginning first: what an object is whatever its series' modality says. */
const BY_SOP_CLASS: readonly (readonly [string, ObjectKind])[] = [
  [`${STORAGE}.77.1.1.1`, KINDS.video],
  [`${STORAGE}.77.1.2.1`, KINDS.video],
  [`${STORAGE}.77.1.4.1`, KINDS.video],
  [`${STORAGE}.88.59`, KINDS.keyObjects],
  [`${STORAGE}.104.3`, KINDS.model],
  [`${STORAGE}.104.4`, KINDS.model],
  [`${STORAGE}.104.5`, KINDS.model],
  [`${STORAGE}.481.3`, KINDS.structures],
  [`${STORAGE}.66.4`, KINDS.segmentation],
  [`${STORAGE}.66.5`, KINDS.segmentation],
  [`${STORAGE}.66.7`, KINDS.segmentation],
  [`${STORAGE}.91.1`, KINDS.annotations],
  [`${STORAGE}.104.`, KINDS.document],
  [`${STORAGE}.481.`, KINDS.radiotherapy],
  [`${STORAGE}.11.`, KINDS.presentation],
  [`${STORAGE}.88.`, KINDS.report],
  [`${STORAGE}.66.`, KINDS.registration],
  [`${STORAGE}.9.`, KINDS.waveform],
  [`${STORAGE}.66`, KINDS.raw],
  [`${STORAGE}.67`, KINDS.mapping],
];

const OTHER: ObjectKind = KINDS.other;

export function objectKind(sopClassUid: string, modality: string): ObjectKind {
  return BY_SOP_CLASS.find(([beginning]) => sopClassUid.startsWith(beginning))?.[1] ?? BY_MODALITY[modality] ?? OTHER;
}
