/** The worklist: what is searched for, the rows found, and how they stay fresh. */

import { batch, computed, effect, signal } from "@preact/signals";

import { Failure, isAborted, isOutOfReach, type Http } from "@/dicomweb/http";
import { isUid } from "@/dicomweb/client";
import { count, list, record } from "@/model/decode";
import { midnight } from "@/model/listGroups";
import { dates, NO_FILTER, type ColumnName, type Filter, type Sort } from "@/model/listView";
import { renewed, type Page } from "@/model/renewal";
import { worklistStudy, type WorklistStudy } from "@/model/worklistStudy";

const PAGE = 50;
const FEW = 2 * PAGE; // of which all are one answer, and not much more than what is seen
const ASKED_MOST = 200; // at once, which the node gives
const SEARCH_DELAY_MS = 250;
const LIVE_DELAY_MS = 300;
const PUT_OFF_MOST = 3;
const SOONEST_LOOK_MS = 5000;

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

  /** Which rows are looked at: the first, and the one behind the last. */
  inSight: () => readonly [number, number] = () => [0, 0];

  private readonly touchedStudies = new Set<string>();
  /** How often all of the list was wanted anew, and which of these it was when it last came. */
  private wholeWanted = 0;
  private wholeCame = 0;
  private putOff = 0;
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
      this.wholeWanted += 1;
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
    this.wholeWanted += 1;
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
    const [touched, wholeWanted] = [new Set(this.touchedStudies), this.wholeWanted];
    try {
      const few = (await this.appended(from, asked.signal)) ?? (await this.renewed(touched, asked.signal));
      if (!few && this.isPutOff(touched)) return;
      const { studies, total, isLeast, late, lateIsLeast } = few ?? (await this.pages(asked.signal));
      this.wholeCame = wholeWanted;
      this.putOff = 0;
      batch(() => {
        this.pointOut(studies, touched);
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
    this.holdsEnd = setTimeout(() => {
      for (const { studyInstanceUid, reading } of this.studies.peek()) if (Date.parse(reading.until) <= Date.now()) this.touched(studyInstanceUid);
    }, wait);
  }

  /** Of the studies that the node spoke of, those that were not in the list yet. */
  private pointOut(next: readonly WorklistStudy[], touched: ReadonlySet<string>): void {
    if (this.loaded.value) {
      const known = new Set(this.studies.value.map(({ studyInstanceUid }) => studyInstanceUid));
      const came = next
        .map(({ studyInstanceUid }) => studyInstanceUid)
        .filter((uid) => touched.has(uid) && !known.has(uid));
      if (came.length > 0) this.fresh.value = new Set([...this.fresh.value, ...came]);
    }
    for (const uid of touched) this.touchedStudies.delete(uid);
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

  private get isRenewable(): boolean {
    return this.wholeCame === this.wholeWanted && !this.fromDevice.peek() && this.studies.peek().length > FEW;
  }

  /** More news came meanwhile, after which the rows are asked for again: that is less than all of them. */
  private isPutOff(touched: ReadonlySet<string>): boolean {
    if (!this.isRenewable || touched.size === this.touchedStudies.size || this.putOff >= PUT_OFF_MOST) return false;
    this.putOff += 1;
    this.stale = true;
    return true;
  }

  /** After news of some studies: what has to be fetched of the list; undefined where all of it is wanted. */
  private async renewed(touched: ReadonlySet<string>, abort: AbortSignal): Promise<Pages | undefined> {
    const before = this.studies.peek();
    if (!this.isRenewable || touched.size === 0) return undefined;
    const fetch = (offset: number, limit: number): Promise<Pages> => this.page(abort, offset, limit);
    const found = await renewed({ before, wanted: this.rowsWanted, inSight: this.inSight(), touched, isOvertaken: () => this.touchedStudies.size > touched.size, fetch });
    return found && { ...found.first, studies: found.studies, total: found.total };
  }

  private async pages(abort: AbortSignal, from = 0): Promise<Pages> {
    const studies = new Map<string, WorklistStudy>();
    const told = { total: 0, isLeast: false, late: 0, lateIsLeast: false };
    for (let offset = from, limit = 0; offset < this.rowsWanted; offset += limit) {
      limit = Math.min(ASKED_MOST, this.rowsWanted - offset);
      const page = await this.page(abort, offset, limit);
      // A study that arrives between two pages shifts the second: keyed by UID nothing shows twice.
      for (const study of page.studies) if (isUid(study.studyInstanceUid)) studies.set(study.studyInstanceUid, study);
      const { total, isLeast, late, lateIsLeast } = page;
      Object.assign(told, { total, isLeast }, offset === 0 && { late, lateIsLeast });
      if (page.studies.length < limit) break;
    }
    return { studies: [...studies.values()], ...told };
  }

  /** Rows of the list; `late` is told of its beginning alone. */
  private async page(abort: AbortSignal, offset: number, limit: number): Promise<Pages> {
    const answer = record(await this.http.json(worklistPath(this.filter.peek(), offset, this.sort.peek(), limit), { signal: abort }));
    return {
      studies: list(answer["studies"]).map(worklistStudy),
      total: count(answer["total"]),
      isLeast: answer["total_is_least"] === true,
      late: count(answer["late"]),
      lateIsLeast: answer["late_is_least"] === true,
    };
  }
}

interface Pages extends Page {
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
