/** One study of the worklist, as the node tells it. */

import { cleanText, formatPersonName } from "@/dicomweb/json";
import { count, record, string, strings } from "@/model/decode";
import { doubtOf, type Doubt } from "@/model/doubt";

export type Priority = "stat" | "critical" | "urgent" | "routine" | "low";

export interface WorklistStudy {
  readonly studyInstanceUid: string;
  readonly patientName: string;
  readonly patientId: string;
  readonly issuerOfPatientId: string;
  /** DA, "" when unknown; likewise below. */
  readonly patientBirthDate: string;
  readonly patientSex: string;
  readonly studyDate: string;
  readonly studyTime: string;
  readonly description: string;
  readonly accessionNumber: string;
  readonly modalities: readonly string[];
  readonly numberOfSeries: number;
  readonly numberOfInstances: number;
  /** ISO 8601 with zone. */
  readonly receivedAt: string;
  readonly priority: Priority;
  /** Language code → text; empty when there is none. */
  readonly reason: Readonly<Record<string, string>>;
  /** Name of the AI service that raised the priority; "" when none did. */
  readonly prioritySource: string;
  readonly conflicts: number;
  readonly doubt: Doubt;
  readonly referringPhysician: string;
  readonly institution: string;
  readonly reading: Reading;
  /** Of what this device has; undefined for a row that the node gave. */
  readonly onDevice?: OnDevice;
}

/** What a device has of a study. */
export interface OnDevice {
  /** ISO 8601. */
  readonly fetchedAt: string;
  readonly images: number;
}

/** Whether a study is read, by whom and since when; of one that is being read, `until` when unless the reader goes on. */
export interface Reading {
  readonly state: "unread" | "reading" | "read";
  readonly by: string;
  /** ISO 8601, "" where there is none; likewise below. */
  readonly at: string;
  readonly until: string;
}

const PRIORITIES: readonly Priority[] = ["stat", "critical", "urgent", "routine", "low"];

export function worklistStudy(value: unknown): WorklistStudy {
  const row = record(value);
  const shown = (key: string): string => cleanText(string(row[key]));
  return {
    studyInstanceUid: string(row["study_instance_uid"]),
    patientName: formatPersonName(string(row["patient_name"])),
    patientId: shown("patient_id"),
    issuerOfPatientId: shown("issuer_of_patient_id"),
    patientBirthDate: shown("patient_birth_date"),
    patientSex: shown("patient_sex"),
    studyDate: shown("study_date"),
    studyTime: shown("study_time"),
    description: shown("study_description"),
    accessionNumber: shown("accession_number"),
    modalities: strings(row["modalities"]).map(cleanText),
    numberOfSeries: count(row["number_of_series"]),
    numberOfInstances: count(row["number_of_instances"]),
    receivedAt: string(row["received_at"]),
    priority: PRIORITIES.find((priority) => priority === row["priority"]) ?? "routine",
    reason: reasonOf(row["reason"]),
    prioritySource: shown("priority_source"),
    conflicts: count(row["conflicts"]),
    doubt: doubtOf(row["doubt"]),
    referringPhysician: formatPersonName(string(row["referring_physician_name"])),
    institution: shown("institution_name"),
    reading: readingOf(row["reading"]),
  };
}

export function readingOf(value: unknown): Reading {
  const reading = record(value);
  const state = reading["state"];
  return {
    state: state === "reading" || state === "read" ? state : "unread",
    by: cleanText(string(reading["by"])),
    at: string(reading["at"]),
    until: string(reading["until"]),
  };
}

function reasonOf(value: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(record(value)).flatMap(([language, text]) =>
      typeof text === "string" && text !== "" ? [[language, cleanText(text)]] : [],
    ),
  );
}
