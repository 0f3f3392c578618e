/** What is still to be done with other systems: sends, fetches, commitments, notifications, and what is paused. */

import { signal } from "@preact/signals";

import { datasets, formatPersonName, Tag, text } from "@/dicomweb/json";
import { formatDate } from "@/i18n/format";
import { count, list, record, string } from "@/model/decode";
import { Managed } from "@/model/managed";

export const JOB_STATES = ["queued", "running", "dead", "done", "cancelled", "superseded"] as const;
export type JobState = (typeof JOB_STATES)[number];

/** A person has to look at a dead one; the others of these go on by themselves. */
const UNFINISHED: readonly JobState[] = ["dead", "running", "queued"];

export interface Job {
  readonly id: string;
  readonly kind: string;
  /** AE title of the other system. */
  readonly destination: string;
  readonly studyInstanceUid: string;
  /** As it is spoken, and DA; "" where the study is not here. */
  readonly patientName: string;
  readonly studyDate: string;
  /** The account or rule that ordered it. */
  readonly by: string;
  readonly state: JobState;
  readonly done: number;
  /** 0: not known yet, or nothing that is counted. */
  readonly total: number;
  readonly attempts: number;
  /** Why it is not done: the node's code for it, and its words; "" for nothing. */
  readonly lastErrorCode: string;
  readonly lastError: string;
  /** ISO 8601 with zone; the next attempt comes no sooner. */
  readonly notBefore: string;
  readonly createdAt: string;
  readonly finishedAt: string;
}

/** Another system that studies may be sent to. */
export interface Destination {
  readonly aeTitle: string;
  readonly description: string;
}

export interface Pause {
  /** "" stands for every kind, or everybody. */
  readonly kind: string;
  readonly destination: string;
  readonly since: string;
}

const PATH = "/api/queue";
const PAUSES = `${PATH}/pauses`;

export class Queue extends Managed {
  readonly jobs = signal<readonly Job[]>([]);
  readonly pauses = signal<readonly Pause[]>([]);
  /** Whether what is done or was cancelled is shown, too. */
  readonly everything = signal(false);
  readonly destinations = signal<readonly Destination[]>([]);
  readonly study = signal<readonly string[]>([]);

  async load(): Promise<void> {
    await this.attempt(async () => {
      const states = this.everything.peek() ? "" : `?state=${UNFINISHED.join(",")}`;
      const [jobs, pauses] = await Promise.all([this.http.json(PATH + states), this.http.json(PAUSES)]);
      this.jobs.value = list(record(jobs)["jobs"]).map(jobOf);
      this.pauses.value = list(record(pauses)["pauses"]).map(pauseOf);
      this.loaded.value = true;
    });
  }

  async show(everything: boolean): Promise<void> {
    this.everything.value = everything;
    await this.load();
  }

  async loadDestinations(): Promise<void> {
    await this.attempt(async () => {
      this.destinations.value = list(record(await this.http.json("/api/destinations"))["destinations"]).map(destinationOf);
    });
  }

  /** Whose study it is, and which: name, ID, day and description, as far as the study says them. */
  async loadStudy(studyInstanceUid: string): Promise<void> {
    this.study.value = [];
    await this.attempt(async () => {
      const query = new URLSearchParams({ StudyInstanceUID: studyInstanceUid }).toString();
      const [study] = datasets(await this.http.json(`/dicom-web/studies?${query}`, { accept: "application/dicom+json" }));
      if (!study) return;
      const [name, id, day, described] = [Tag.PatientName, Tag.PatientID, Tag.StudyDate, Tag.StudyDescription].map((tag) => text(study, tag));
      this.study.value = [name, id, day && formatDate(day), described].filter((part) => part !== undefined && part !== "") as string[];
    });
  }

  /** Whether the order was taken; what becomes of it is shown, done or not. */
  async send(studyInstanceUid: string, destination: string): Promise<boolean> {
    return this.change("POST", `/api/studies/${encodeURIComponent(studyInstanceUid)}/sends`, { destination });
  }

  async retry(id: string): Promise<void> {
    await this.change("POST", `${PATH}/${encodeURIComponent(id)}/retry`);
  }

  async cancel(id: string): Promise<void> {
    await this.change("POST", `${PATH}/${encodeURIComponent(id)}/cancel`);
  }

  /** Begin nothing more; what runs goes on to its end. */
  async pauseEverything(): Promise<void> {
    await this.change("POST", PAUSES, { kind: "", destination: "" });
  }

  async resume({ kind, destination }: Pause): Promise<void> {
    await this.change("DELETE", `${PAUSES}?${new URLSearchParams({ kind, destination }).toString()}`);
  }
}

function jobOf(value: unknown): Job {
  const job = record(value);
  const progress = record(job["progress"]);
  const state = string(job["state"]);
  return {
    id: string(job["id"]),
    kind: string(job["kind"]),
    destination: string(job["destination"]),
    studyInstanceUid: string(job["study_instance_uid"]),
    patientName: formatPersonName(string(job["patient_name"])),
    studyDate: string(job["study_date"]),
    by: string(job["by"]),
    state: JOB_STATES.find((known) => known === state) ?? "queued",
    done: count(progress["sent"]) || count(progress["here"]) || count(progress["committed"]),
    total: count(progress["total"]) || count(progress["committed"]) + count(progress["failed"]),
    attempts: count(job["attempts"]),
    lastErrorCode: string(job["last_error_code"]),
    lastError: string(job["last_error"]),
    notBefore: string(job["not_before"]),
    createdAt: string(job["created_at"]),
    finishedAt: string(job["finished_at"]),
  };
}

function destinationOf(value: unknown): Destination {
  const destination = record(value);
  return { aeTitle: string(destination["ae_title"]), description: string(destination["description"]) };
}

function pauseOf(value: unknown): Pause {
  const pause = record(value);
  return { kind: string(pause["kind"]), destination: string(pause["destination"]), since: string(pause["since"]) };
}
