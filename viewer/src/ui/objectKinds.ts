/** What an object without pictures is, in words. */

import type { PlainKey } from "@/i18n/catalogue";
import type { IconName } from "@/ui/icons";

export interface ObjectKind {
  readonly label: PlainKey;
  readonly icon: IconName;
}

const BY_MODALITY: Readonly<Record<string, ObjectKind>> = {
  SR: { label: "card.report", icon: "document" },
  KO: { label: "card.keyObjects", icon: "image" },
  PR: { label: "card.presentation", icon: "preset" },
  DOC: { label: "card.document", icon: "document" },
  SEG: { label: "card.segmentation", icon: "image" },
  REG: { label: "card.registration", icon: "pan" },
  RTPLAN: { label: "card.radiotherapy", icon: "document" },
  RTSTRUCT: { label: "card.radiotherapy", icon: "document" },
  RTRECORD: { label: "card.radiotherapy", icon: "document" },
  ECG: { label: "card.waveform", icon: "wave" },
  HD: { label: "card.waveform", icon: "wave" },
  AU: { label: "card.waveform", icon: "wave" },
};

const OTHER: ObjectKind = { label: "card.other", icon: "document" };

/** SOP classes (PS3.4 B.5), the longest beginning first: what an object is whatever its series' modality says. */
const BY_SOP_CLASS: readonly (readonly [string, ObjectKind])[] = [
  ["1.2.840.10008.5.1.4.1.1.77.1.1.1", { label: "card.video", icon: "image" }],
  ["1.2.840.10008.5.1.4.1.1.77.1.2.1", { label: "card.video", icon: "image" }],
  ["1.2.840.10008.5.1.4.1.1.77.1.4.1", { label: "card.video", icon: "image" }],
  ["1.2.840.10008.5.1.4.1.1.88.59", { label: "card.keyObjects", icon: "image" }],
  ["1.2.840.10008.5.1.4.1.1.104.", { label: "card.document", icon: "document" }],
  ["1.2.840.10008.5.1.4.1.1.11.", { label: "card.presentation", icon: "preset" }],
  ["1.2.840.10008.5.1.4.1.1.88.", { label: "card.report", icon: "document" }],
  ["1.2.840.10008.5.1.4.1.1.66.", { label: "card.registration", icon: "pan" }],
  ["1.2.840.10008.5.1.4.1.1.9.", { label: "card.waveform", icon: "wave" }],
];

export function objectKind(sopClassUid: string, modality: string): ObjectKind {
  return BY_SOP_CLASS.find(([beginning]) => sopClassUid.startsWith(beginning))?.[1] ?? BY_MODALITY[modality] ?? OTHER;
}
