/** The DICOMweb resources the viewer uses (PS3.18 10.4–10.6) and their paths. */

import type { Http } from "@/dicomweb/http";
import { datasets, isOwn, number, Tag, text, texts, type Dataset } from "@/dicomweb/json";

const ROOT = "/dicom-web";
const DICOM_JSON = "application/dicom+json";
const UID = /^[0-9.]{1,64}$/;

/** Whether a text may stand in a path as a UID (PS3.5 9.1: digits and dots, at most 64). */
export function isUid(value: string): boolean {
  return UID.test(value);
}

export interface ObjectOfClass {
  readonly seriesInstanceUid: string;
  readonly sopClassUid: string;
}

export interface SeriesSummary {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly modality: string;
  readonly description: string;
  readonly bodyPart: string;
  readonly seriesNumber: number | undefined;
  readonly numberOfInstances: number;
  /** Made by the node. */
  readonly own?: boolean;
}

/** What the node makes objects of. */
export type SavedForm = "measurements" | "key-images" | "presentation-states";

/** An instance within its study. */
export interface InstanceAddress {
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
}

/** What the node writes into its audit trail of pictures that leave. */
export interface TakenPictures {
  readonly studies: readonly string[];
  readonly series: readonly string[];
  readonly form: "png" | "jpeg" | "mp4" | "print";
  readonly pictures: number;
  readonly identity: "kept" | "removed";
}

/** Where the object is that the node wrote, as it answers. */
export function instanceOf(answer: unknown): InstanceAddress {
  const made = (answer ?? {}) as Readonly<Record<string, unknown>>;
  return { seriesInstanceUid: String(made["series_instance_uid"] ?? ""), sopInstanceUid: String(made["sop_instance_uid"] ?? "") };
}

const SERIES_FIELDS = ["SeriesDescription", "BodyPartExamined", "Manufacturer", "NumberOfSeriesRelatedInstances"].join(",");

const SERIES_MOST = 500; // of a patient

const UIDS_MOST = 40; // in one address

export class DicomWeb {
  constructor(readonly http: Http) {}

  /** The series of a study in reading order: by series number, those without one last. Raises Failure. */
  async series(studyInstanceUid: string, signal?: AbortSignal): Promise<SeriesSummary[]> {
    const answer = await this.get(`${studyPath(studyInstanceUid)}/series?includefield=${SERIES_FIELDS}`, signal);
    return datasets(answer)
      .map((dataset) => seriesSummary(studyInstanceUid, dataset))
      .filter((series) => isUid(series.seriesInstanceUid))
      .toSorted(
        (a, b) =>
          (a.seriesNumber ?? Infinity) - (b.seriesNumber ?? Infinity) ||
          (a.seriesInstanceUid < b.seriesInstanceUid ? -1 : 1),
      );
  }

  /** The study's own attributes; undefined when the node does not show it. Raises Failure. */
  async study(studyInstanceUid: string, signal?: AbortSignal): Promise<Dataset | undefined> {
    const fields = "StudyDescription,PatientName,PatientID,IssuerOfPatientID,PatientBirthDate,PatientSex";
    const path = `${ROOT}/studies?StudyInstanceUID=${studyInstanceUid}&includefield=${fields}`;
    return datasets(await this.get(path, signal))[0];
  }

  /** Of what classes the objects of a study are. Raises Failure. */
  async sopClasses(studyInstanceUid: string, signal?: AbortSignal): Promise<readonly string[]> {
    const path = `${ROOT}/studies?StudyInstanceUID=${studyInstanceUid}&includefield=SOPClassesInStudy`;
    return datasets(await this.get(path, signal)).flatMap((dataset) => texts(dataset, Tag.SOPClassesInStudy));
  }

  /** Each object of a study that is of one of these classes. Raises Failure. */
  async objectsOfClasses(studyInstanceUid: string, sopClassUids: readonly string[], signal?: AbortSignal): Promise<readonly ObjectOfClass[]> {
    const path = `${studyPath(studyInstanceUid)}/instances?SOPClassUID=${sopClassUids.join(",")}`;
    return datasets(await this.get(path, signal)).map((dataset) => ({ seriesInstanceUid: text(dataset, Tag.SeriesInstanceUID), sopClassUid: text(dataset, Tag.SOPClassUID) }));
  }

  /** What parts of the body the series of a patient's studies are of, by study. Raises Failure. */
  async bodyPartsOf(patientId: string, signal?: AbortSignal): Promise<ReadonlyMap<string, readonly string[]>> {
    const path = `${ROOT}/series?PatientID=${encodeURIComponent(patientId)}&includefield=BodyPartExamined&limit=${SERIES_MOST}`;
    const found = new Map<string, string[]>();
    for (const dataset of datasets(await this.get(path, signal))) {
      const [study, part] = [text(dataset, Tag.StudyInstanceUID), text(dataset, Tag.BodyPartExamined)];
      if (part !== "") found.set(study, [...(found.get(study) ?? []), part]);
    }
    return found;
  }

  /** Every instance's data set without bulk data. Raises Failure. */
  async metadata(studyInstanceUid: string, seriesInstanceUid: string, signal?: AbortSignal): Promise<Dataset[]> {
    return datasets(await this.get(`${seriesPath(studyInstanceUid, seriesInstanceUid)}/metadata`, signal));
  }

  /** Which of these objects of a study the node shows. Raises Failure. */
  async present(studyInstanceUid: string, sopInstanceUids: readonly string[]): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    for (let at = 0; at < sopInstanceUids.length; at += UIDS_MOST) {
      const uids = sopInstanceUids.slice(at, at + UIDS_MOST).join(",");
      const answer = await this.get(`${studyPath(studyInstanceUid)}/instances?SOPInstanceUID=${uids}`, undefined);
      for (const dataset of datasets(answer)) found.add(text(dataset, Tag.SOPInstanceUID));
    }
    return found;
  }

  /** Have the node write an object of the study; where it lies now. Raises Failure. */
  async save(studyInstanceUid: string, what: SavedForm, json: unknown): Promise<InstanceAddress> {
    return instanceOf(await this.http.json(`/api/studies/${studyInstanceUid}/${what}`, { method: "POST", json }));
  }

  /** Tell the node what is about to be taken away; nothing may be when it refuses. Raises Failure. */
  async announce(pictures: TakenPictures): Promise<void> {
    await this.http.json("/api/export/pictures", { method: "POST", json: pictures });
  }

  private get(path: string, signal: AbortSignal | undefined): Promise<unknown> {
    return this.http.json(path, signal ? { accept: DICOM_JSON, signal } : { accept: DICOM_JSON });
  }
}

function seriesSummary(studyInstanceUid: string, dataset: Dataset): SeriesSummary {
  return {
    studyInstanceUid,
    seriesInstanceUid: text(dataset, Tag.SeriesInstanceUID),
    modality: text(dataset, Tag.Modality),
    description: text(dataset, Tag.SeriesDescription),
    bodyPart: text(dataset, Tag.BodyPartExamined),
    seriesNumber: number(dataset, Tag.SeriesNumber),
    numberOfInstances: number(dataset, Tag.NumberOfSeriesRelatedInstances) ?? 0,
    own: isOwn(dataset),
  };
}

function studyPath(study: string): string {
  return `${ROOT}/studies/${study}`;
}

/** Path of a series. */
export function seriesPath(study: string, series: string): string {
  return `${studyPath(study)}/series/${series}`;
}

/** One image of a stack: an instance's frame, counted from 1. */
export interface FrameAddress {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
  readonly frameNumber: number;
}

/** Path of the frame as stored. */
export function framePath(at: FrameAddress): string {
  return `${objectPath(at.studyInstanceUid, at.seriesInstanceUid, at.sopInstanceUid)}/frames/${at.frameNumber}`;
}

/** Path of one object. */
export function objectPath(study: string, series: string, instance: string): string {
  return `${seriesPath(study, series)}/instances/${instance}`;
}

/** Path of the search for one instance, in a series where it is known, and the syntax it is stored in. */
export function instancePath(sopInstanceUid: string, within: string = ROOT): string {
  return `${within}/instances?SOPInstanceUID=${sopInstanceUid}&includefield=AvailableTransferSyntaxUID`;
}

/** With as many digits as the node reads. */
function short(value: number): number {
  return Number(value.toPrecision(7));
}

/** Path of the server's picture of the frame, at most `width` × `height` pixels, JPEG quality 1–100. */
export function renderedPath(at: FrameAddress, width: number, height: number, quality: number, ends?: readonly [number, number]): string {
  const path = `${framePath(at)}/rendered?viewport=${width},${height}&quality=${quality}`;
  if (!ends) return path;
  return `${path}&window=${short((ends[0] + ends[1]) / 2)},${short(ends[1] - ends[0])},linear-exact`;
}

/** Path of a small picture which stands for the series. */
export function thumbnailPath(studyInstanceUid: string, seriesInstanceUid: string, size: number): string {
  return `${seriesPath(studyInstanceUid, seriesInstanceUid)}/thumbnail?viewport=${size},${size}`;
}

/** Path of a small picture of one image. */
export function imageThumbnailPath(studyInstanceUid: string, seriesInstanceUid: string, sopInstanceUid: string, size: number): string {
  return `${seriesPath(studyInstanceUid, seriesInstanceUid)}/instances/${sopInstanceUid}/thumbnail?viewport=${size},${size}`;
}
