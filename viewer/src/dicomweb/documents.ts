/** Objects that are no images: in which form they are looked at, and where the node gives it. */

import { objectPath, type SeriesSummary } from "@/dicomweb/client";
import { isVideo } from "@/dicomweb/frames";
import { Tag, text, type Dataset } from "@/dicomweb/json";
import { isReport } from "@/dicomweb/report";

/** `none`: what has no form that is looked at; it can only be kept, sent and saved. */
export type DocumentForm = "report" | "pdf" | "xml" | "waveform" | "video" | "model" | "none";

const BY_TYPE: Readonly<Record<string, DocumentForm>> = {
  "application/pdf": "pdf",
  "text/xml": "xml",
  "application/xml": "xml",
  "model/stl": "model",
  "application/sla": "model",
  "model/obj": "model",
  "model/mtl": "model",
};

export function documentForm(dataset: Dataset): DocumentForm {
  if (Tag.EncapsulatedDocument in dataset) {
    return BY_TYPE[text(dataset, Tag.MIMETypeOfEncapsulatedDocument).trim().toLowerCase()] ?? "none";
  }
  if (Tag.WaveformSequence in dataset) return "waveform";
  if (isReport(dataset)) return "report";
  return Tag.PixelData in dataset && isVideo(dataset) ? "video" : "none";
}

const EXTENSIONS: Readonly<Record<DocumentForm, string>> = {
  report: "html",
  pdf: "pdf",
  xml: "xml",
  waveform: "svg",
  video: "mp4",
  model: "stl",
  none: "dcm",
};

/** Where one object is found. */
export interface DocumentAddress {
  /** As the node shows it: a page, a drawing, a stream. */
  readonly rendered: string;
  /** The object as a DICOM file. */
  readonly file: string;
  /** What the saved document is called; nothing of the patient is in it. */
  readonly name: string;
}

export function documentAddress(series: SeriesSummary, dataset: Dataset): DocumentAddress {
  const path = objectPath(series.studyInstanceUid, series.seriesInstanceUid, text(dataset, Tag.SOPInstanceUID));
  const form = documentForm(dataset);
  const words = [text(dataset, Tag.Modality), text(dataset, Tag.ContentDate) || text(dataset, Tag.StudyDate), form];
  return {
    rendered: `${path}/rendered`,
    file: `${path}?accept=application/dicom`,
    name: `${words.filter((word) => word !== "").join("-").toLowerCase()}.${EXTENSIONS[form]}`,
  };
}

// PS3.5 A.4.5 and following: the streams of video, by their transfer syntax.
const VIDEO_SYNTAXES: readonly (readonly [RegExp, string])[] = [
  [/^1\.2\.840\.10008\.1\.2\.4\.10[01](\.1)?$/, "MPEG-2"],
  [/^1\.2\.840\.10008\.1\.2\.4\.10[2-6](\.1)?$/, "H.264"],
  [/^1\.2\.840\.10008\.1\.2\.4\.10[78]$/, "H.265"],
];

/** What a video's transfer syntax is called by people; "" for what is no video. */
export function videoFormat(transferSyntaxUid: string): string {
  return VIDEO_SYNTAXES.find(([uid]) => uid.test(transferSyntaxUid))?.[1] ?? "";
}
