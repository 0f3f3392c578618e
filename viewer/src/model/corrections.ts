/** What people correct of a study and its patient: what it says now, what was corrected, and the way back. */

import { signal } from "@preact/signals";

import { datasets, number, Tag, text, type Dataset } from "@/dicomweb/json";
import type { Http } from "@/dicomweb/http";
import { viewOf } from "@/dicomweb/projection";
import { list, record, string } from "@/model/decode";
import { Managed } from "@/model/managed";

export const PATIENT_FIELDS = ["family", "given", "middle", "PatientID", "PatientBirthDate", "PatientSex"] as const;
export const STUDY_FIELDS = ["StudyDescription", "AccessionNumber"] as const;
const NAME_FIELDS = ["family", "given", "middle"] as const;

export type Field = (typeof PATIENT_FIELDS)[number] | (typeof STUDY_FIELDS)[number];

export type Values = Readonly<Record<Field, string>>;

export interface Side {
  readonly seriesInstanceUid: string;
  readonly label: string;
  /** Laterality: R, L or B. */
  readonly side: string;
}

/** An image that says its own side. */
export interface ImageSide {
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
  /** Its number in its series. */
  readonly number: string;
  /** As readers abbreviate it: MLO, PA; "" where the image does not say it. */
  readonly view: string;
  /** ImageLaterality: R, L, U or B. */
  readonly side: string;
}

/** What the study says now. */
export interface Said {
  readonly values: Values;
  readonly sides: readonly Side[];
  readonly images: readonly ImageSide[];
  /** Of the name, what no field shows: prefix and suffix, other scripts. */
  readonly restOfName: { readonly components: readonly string[]; readonly groups: readonly string[] };
}

export interface Correction {
  readonly id: string;
  readonly kind: string;
  readonly reason: string;
  readonly by: string;
  /** ISO 8601. */
  readonly at: string;
  readonly undoUntil: string;
  /** The image or series that it is of; "" where it is of all of the study. */
  readonly part: string;
  /** The new values, keyword to text; of attributes with a value. */
  readonly changed: Readonly<Record<string, string>>;
}

const LATERALITY = "00200060";
const IMAGE_LATERALITY = "00200062";
const FUNCTIONAL_GROUPS = "52009229";
/** Modalities whose images each say a side (PS3.3 C.8.11.5), and CR, where some do. */
const ALWAYS_SIDED: ReadonlySet<string> = new Set(["DX", "IO", "MG"]);
const SIDED: ReadonlySet<string> = new Set([...ALWAYS_SIDED, "CR"]);
const NAME_PARTS = 5;
const DICOM_JSON = { accept: "application/dicom+json" };

export function saidBy(study: Dataset, series: readonly Dataset[], images: readonly Dataset[] = []): Said {
  const groups = record(study[Tag.PatientName]?.Value?.[0]);
  const [alphabetic = "", ...others] = ["Alphabetic", "Ideographic", "Phonetic"].map((group) => string(groups[group]));
  const [family = "", given = "", middle = "", ...components] = alphabetic.split("^");
  return {
    values: {
      family,
      given,
      middle,
      PatientID: text(study, Tag.PatientID),
      PatientBirthDate: text(study, Tag.PatientBirthDate),
      PatientSex: text(study, Tag.PatientSex),
      StudyDescription: text(study, Tag.StudyDescription),
      AccessionNumber: text(study, Tag.AccessionNumber),
    },
    sides: series.flatMap((one) => {
      const side = text(one, LATERALITY);
      if (side === "") return [];
      const label = [number(one, Tag.SeriesNumber)?.toString() ?? "", text(one, Tag.SeriesDescription) || text(one, Tag.Modality)];
      return [{ seriesInstanceUid: text(one, Tag.SeriesInstanceUID), label: label.filter((part) => part !== "").join(" · "), side }];
    }),
    images: images.filter(hasSide).map((one) => ({
      seriesInstanceUid: text(one, Tag.SeriesInstanceUID),
      sopInstanceUid: text(one, Tag.SOPInstanceUID),
      number: number(one, Tag.InstanceNumber)?.toString() ?? "",
      view: viewOf(one),
      side: text(one, IMAGE_LATERALITY),
    })),
    restOfName: { components, groups: others },
  };
}

/** Of images by frames, each frame says it, out of reach of a correction. */
function hasSide(image: Dataset): boolean {
  const always = ALWAYS_SIDED.has(text(image, Tag.Modality)) && Tag.Rows in image && !(FUNCTIONAL_GROUPS in image);
  return IMAGE_LATERALITY in image || always;
}

/** The whole name as DICOM has it (PN), with what no field shows. */
export function nameWith({ restOfName }: Said, { family, given, middle }: Values): string {
  const parts = [family, given, middle, ...restOfName.components].slice(0, NAME_PARTS).map((part) => part.trim());
  return [parts.join("^").replace(/\^+$/u, ""), ...restOfName.groups].join("=").replace(/=+$/u, "");
}

function correctionFrom(value: unknown): Correction {
  const said = record(value);
  const changed = Object.entries(record(said["new"])).map(([keyword, now]) => [keyword, string(now)] as const);
  return {
    id: string(said["id"]),
    kind: string(said["kind"]),
    reason: string(said["reason"]),
    by: string(said["principal_name"]),
    at: string(said["at"]),
    undoUntil: string(said["undo_until"]),
    part: string(said["sop_instance_uid"]) || string(said["series_instance_uid"]),
    changed: Object.fromEntries(changed.filter(([, now]) => now !== "")),
  };
}

export class Corrections extends Managed {
  readonly said = signal<Said | undefined>(undefined);
  /** Those that can be undone, the newest first. */
  readonly open = signal<readonly Correction[]>([]);

  constructor(
    http: Http,
    readonly studyInstanceUid: string,
  ) {
    super(http);
  }

  async load(): Promise<void> {
    const uid = this.studyInstanceUid;
    await this.attempt(async () => {
      const [study] = datasets(await this.http.json(`/dicom-web/studies?StudyInstanceUID=${uid}`, DICOM_JSON));
      const series = datasets(await this.http.json(`/dicom-web/studies/${uid}/series?includefield=${LATERALITY}`, DICOM_JSON));
      const sided = series.filter((one) => SIDED.has(text(one, Tag.Modality))).map((one) => text(one, Tag.SeriesInstanceUID));
      const images = await Promise.all(sided.map((one) => this.http.json(`/dicom-web/studies/${uid}/series/${one}/metadata`, DICOM_JSON)));
      this.open.value = list(record(await this.http.json(`/api/corrections?study=${uid}`))["corrections"]).map(correctionFrom);
      this.said.value = study && saidBy(study, series, images.flatMap(datasets));
      this.loaded.value = true;
    });
  }

  /** `sides` are those of series and images, by UID. Whether the node took every change; where one is refused, `failure` says why and those before it stand. */
  async correct(values: Values, sides: ReadonlyMap<string, string>, reason: string): Promise<boolean> {
    const said = this.said.peek();
    if (!said) return false;
    const changed = (fields: readonly Field[]): [string, string][] =>
      fields.filter((field) => values[field] !== said.values[field]).map((field) => [field, values[field].trim()]);
    const named = changed(NAME_FIELDS).length > 0 ? [["PatientName", nameWith(said, values)] as const] : [];
    const patient = [...named, ...changed(PATIENT_FIELDS.filter((field) => !(NAME_FIELDS as readonly string[]).includes(field)))];
    const bodies: object[] = [];
    const add = (attributes: readonly (readonly [string, string])[], part: object = {}): void => {
      if (attributes.length > 0) bodies.push({ reason, study_instance_uid: this.studyInstanceUid, ...part, attributes: Object.fromEntries(attributes) });
    };
    add(patient);
    add(changed(STUDY_FIELDS));
    for (const { seriesInstanceUid, side } of said.sides) {
      const now = sides.get(seriesInstanceUid) ?? side;
      if (now !== side) add([["Laterality", now]], { series_instance_uid: seriesInstanceUid });
    }
    for (const { sopInstanceUid, side } of said.images) {
      const now = sides.get(sopInstanceUid) ?? side;
      if (now !== side) add([["ImageLaterality", now]], { sop_instance_uid: sopInstanceUid });
    }
    return this.kept(async () => {
      for (const json of bodies) await this.http.json("/api/corrections", { method: "POST", json });
    });
  }

  /** Give the study to another patient, who is known to the node by this ID. */
  async move(patientId: string, reason: string): Promise<boolean> {
    const json = { study_instance_uid: this.studyInstanceUid, into: { patient_id: patientId }, reason };
    return this.kept(() => this.http.json("/api/moves", { method: "POST", json }));
  }

  undo(id: string): Promise<boolean> {
    return this.kept(() => this.http.json(`/api/corrections/${id}/undo`, { method: "POST" }));
  }

  /** What is shown afterwards is as the node has it, whether it took the change or not. */
  private async kept(work: () => Promise<unknown>): Promise<boolean> {
    const done = await this.attempt(work);
    const { value: refused } = this.failure;
    await this.load();
    if (refused) this.failure.value = refused;
    return done;
  }
}
