/** The worklist: what is searched for, the rows found, and how they stay fresh. */

import { batch, computed, effect, signal } from "@preact/signals";

import { Failure, isAborted, isOutOfReach, type Http } from "@/dicomweb/http";
import { isUid } from "@/dicomweb/client";
import { cleanText, formatPersonName } from "@/dicomweb/json";
import { count, list, record, string, strings } from "@/model/decode";
import { doubtOf, type Doubt } from "@/model/doubt";
import { midnight } from "@/model/listGroups";
import { dates, NO_FILTER, type ColumnName, type Filter, type Sort } from "@/model/listView";

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

const PAGE = 50;
const ASKED_MOST = 200; // at once, which the node gives
const SEARCH_DELAY_MS = 250;
const LIVE_DELAY_MS = 300;
const SOONEST_LOOK_MS = 5000;

const PRIORITIES: readonly Priority[] = ["stat", "critical", "urgent", "routine", "low"];

export class Worklist {
  readonly filter = signal<Filter>(NO_FILTER);
  readonly sort = signal<Sort | undefined>(undefined);
  /** Undefined: those that there is usually room for. */
  readonly columns = signal<readonly ColumnName[] | undefined>(undefined);
  readonly studies = signal<readonly WorklistStudy[]>([]);
  readonly total = signal(0);
  /** Whether there are more than `total`, which the node counted no further. */
  readonly totalIsLeast = signal(false);
  /** Studies that arrived today and are of an earlier day: by date they stand among the older ones. */
  readonly late = signal(0);
  readonly lateIsLeast = signal(false);
  readonly loading = signal(false);
  readonly loaded = signal(false);
  readonly failure = signal<Failure | undefined>(undefined);
  /** Studies that came while the list was open and nobody has opened yet. */
  readonly fresh = signal<ReadonlySet<string>>(new Set());
  /** Studies that something is to be done with together; undefined while none are chosen. */
  readonly selection = signal<ReadonlySet<string> | undefined>(undefined);
  readonly hasMore = computed(() => this.studies.value.length < this.total.value);

  /** The study opened last, where the reader's eye comes back to. */
  lastOpened = "";

  private readonly touchedStudies = new Set<string>();
  private watched = false;
  private asked: AbortController | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private holdsEnd: ReturnType<typeof setTimeout> | undefined;
  private rowsWanted = PAGE;
  /** Something changed while the list was being fetched. */
  private stale = false;

  /** The rows are those of studies on this device: the node is out of reach. */
  readonly fromDevice = signal(false);

  constructor(
    private readonly http: Http,
    /** Studies that are shown without the node. */
    private readonly onDevice: () => readonly WorklistStudy[] = () => [],
  ) {}

  /** Load now, and again whenever the filter changes; the returned function stops it. */
  open(): () => void {
    let first = true;
    this.watched = true;
    const stop = effect(() => {
      void this.filter.value;
      void this.sort.value;
      this.rowsWanted = PAGE;
      this.schedule(first ? 0 : SEARCH_DELAY_MS);
      first = false;
    });
    return () => {
      this.watched = false;
      stop();
      clearTimeout(this.timer);
      clearTimeout(this.holdsEnd);
      this.timer = undefined;
      this.asked?.abort();
    };
  }

  /** A study came or changed: its row appears or changes shortly, together with others of the same moment. */
  touched(studyInstanceUid: string): void {
    this.touchedStudies.add(studyInstanceUid);
    if (this.watched) this.schedule(LIVE_DELAY_MS, false);
  }

  /** Events may have been missed. */
  refresh(): void {
    if (this.watched) this.schedule(0);
  }

  /** The reader has seen this one. */
  opened(studyInstanceUid: string): void {
    this.lastOpened = studyInstanceUid;
    this.fresh.value = new Set([...this.fresh.value].filter((uid) => uid !== studyInstanceUid));
  }

  /** Take a study into the selection, or out of it. */
  select(studyInstanceUid: string): void {
    const next = new Set(this.selection.peek());
    if (!next.delete(studyInstanceUid)) next.add(studyInstanceUid);
    this.selection.value = next;
  }

  /** Another person may sign in next: nothing of this one's stays. */
  forget(): void {
    batch(() => {
      this.filter.value = NO_FILTER;
      this.sort.value = undefined;
      this.columns.value = undefined;
      this.selection.value = undefined;
      this.studies.value = [];
      this.total.value = 0;
      this.late.value = 0;
      this.loaded.value = false;
      this.failure.value = undefined;
      this.fromDevice.value = false;
      this.fresh.value = new Set();
    });
    this.touchedStudies.clear();
    this.lastOpened = "";
  }

  /** The next page; where the whole list is fetched anyway, that page with it. */
  more(): void {
    const { length } = this.studies.value;
    this.rowsWanted = length + PAGE;
    if (this.loading.peek() || this.timer !== undefined || this.fromDevice.peek()) this.schedule(0);
    else void this.load(length);
  }

  private schedule(delayMs: number, restart = true): void {
    if (this.timer !== undefined && !restart) return; // a busy modality must not push the refresh ever further away
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = undefined;
      // news on end must not keep a list of many pages from ever being whole
      if (!restart && this.loading.peek()) this.stale = true;
      else void this.load();
    }, delayMs);
  }

  /** `from`: rows that stand there already and stay. */
  private async load(from = 0): Promise<void> {
    this.asked?.abort();
    const asked = new AbortController();
    this.asked = asked;
    this.stale = false;
    this.loading.value = true;
    try {
      const { studies, total, isLeast, late, lateIsLeast } = (await this.appended(from, asked.signal)) ?? (await this.pages(asked.signal));
      batch(() => {
        this.pointOut(studies);
        this.studies.value = studies;
        this.total.value = total;
        this.totalIsLeast.value = isLeast;
        this.late.value = late;
        this.lateIsLeast.value = lateIsLeast;
        this.failure.value = undefined;
        this.loaded.value = true;
        this.fromDevice.value = false;
      });
      this.lookAgain(studies);
    } catch (error) {
      if (isAborted(error)) return;
      if (!(error instanceof Failure)) throw error;
      if (isOutOfReach(error)) this.showDevice(error);
      else this.failure.value = error;
    } finally {
      if (this.asked === asked) {
        this.loading.value = false;
        if (this.stale && this.watched) this.schedule(LIVE_DELAY_MS, false);
      }
    }
  }

  /** Without the node: the studies on this device, those that are looked for. */
  private showDevice(failure: Failure): void {
    const all = this.onDevice();
    const studies = all.filter((study) => isLookedFor(study, this.filter.peek()));
    batch(() => {
      this.failure.value = all.length > 0 ? undefined : failure;
      if (all.length === 0) return;
      this.studies.value = studies;
      this.total.value = studies.length;
      this.totalIsLeast.value = false;
      this.late.value = 0;
      this.loaded.value = true;
      this.fromDevice.value = true;
    });
  }

  /** Holds that end by themselves are no news of the node's. */
  private lookAgain(studies: readonly WorklistStudy[]): void {
    clearTimeout(this.holdsEnd);
    const ends = studies.map(({ reading: { until } }) => Date.parse(until)).filter((end) => !Number.isNaN(end));
    if (ends.length === 0) return;
    const wait = Math.max(SOONEST_LOOK_MS, Math.min(...ends) - Date.now() + SOONEST_LOOK_MS);
    this.holdsEnd = setTimeout(() => this.refresh(), wait);
  }

  /** Of the studies that the node spoke of, those that were not in the list yet. */
  private pointOut(next: readonly WorklistStudy[]): void {
    if (this.loaded.value) {
      const known = new Set(this.studies.value.map(({ studyInstanceUid }) => studyInstanceUid));
      const came = next
        .map(({ studyInstanceUid }) => studyInstanceUid)
        .filter((uid) => this.touchedStudies.has(uid) && !known.has(uid));
      if (came.length > 0) this.fresh.value = new Set([...this.fresh.value, ...came]);
    }
    this.touchedStudies.clear();
  }

  /** What stands there with what follows; undefined where studies came or went meanwhile, so that pages do not meet. */
  private async appended(from: number, abort: AbortSignal): Promise<Pages | undefined> {
    if (from === 0) return undefined;
    const [before, total] = [this.studies.peek(), this.total.peek()];
    const next = await this.pages(abort, from);
    const studies = [...before, ...next.studies];
    const met = next.total === total && new Set(studies.map(({ studyInstanceUid }) => studyInstanceUid)).size === studies.length;
    return met ? { ...next, studies, late: this.late.peek(), lateIsLeast: this.lateIsLeast.peek() } : undefined;
  }

  private async pages(abort: AbortSignal, from = 0): Promise<Pages> {
    const studies = new Map<string, WorklistStudy>();
    const told = { total: 0, isLeast: false, late: 0, lateIsLeast: false };
    for (let offset = from, limit = 0; offset < this.rowsWanted; offset += limit) {
      limit = Math.min(ASKED_MOST, this.rowsWanted - offset);
      const answer = record(await this.http.json(worklistPath(this.filter.peek(), offset, this.sort.peek(), limit), { signal: abort }));
      const page = list(answer["studies"]).map(worklistStudy);
      // A study that arrives between two pages shifts the second: keyed by UID nothing shows twice.
      for (const study of page) if (isUid(study.studyInstanceUid)) studies.set(study.studyInstanceUid, study);
      told.total = count(answer["total"]);
      told.isLeast = answer["total_is_least"] === true;
      if (offset === 0) Object.assign(told, { late: count(answer["late"]), lateIsLeast: answer["late_is_least"] === true });
      if (page.length < limit) break;
    }
    return { studies: [...studies.values()], ...told };
  }
}

interface Pages {
  readonly studies: readonly WorklistStudy[];
  readonly total: number;
  readonly isLeast: boolean;
  readonly late: number;
  readonly lateIsLeast: boolean;
}

/** What the node would find, as far as a device can tell: every word somewhere in name, ID or accession number. */
export function isLookedFor(study: WorklistStudy, filter: Filter): boolean {
  const said = `${study.patientName} ${study.patientId} ${study.accessionNumber}`.toLowerCase();
  const words = filter.search.trim().toLowerCase().split(/\s+/);
  if (!words.every((word) => said.includes(word))) return false;
  if (filter.modalities.length > 0 && !study.modalities.some((one) => filter.modalities.includes(one))) return false;
  if (filter.unread && study.reading.state === "read") return false;
  const { from, to } = dates(filter);
  return (from === "" || study.studyDate >= from) && (to === "" || study.studyDate <= to);
}

export function worklistPath(filter: Filter, offset: number, sort?: Sort, limit = PAGE): string {
  const query = new URLSearchParams();
  const asked = {
    search: filter.search.trim(),
    modality: filter.modalities.join(","),
    ...dates(filter),
    read: filter.unread ? "false" : "",
    sort: sort ? `${sort.descending && sort.by !== "arrival" ? "-" : ""}${sort.by}` : "",
    // who looks for somebody finds what came late too
    since: sort === undefined && offset === 0 && filter.search.trim() === "" ? midnight(new Date()) : "",
  };
  for (const [key, value] of Object.entries(asked)) if (value) query.set(key, value);
  query.set("limit", String(limit));
  query.set("offset", String(offset));
  return `/api/worklist?${query}`;
}

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
