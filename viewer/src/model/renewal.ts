/** A long list after news: some rows tell what has come, gone or moved, and what is known of the rest stays. */

import type { WorklistStudy } from "@/model/worklistStudy";

/** Rows of the list, as the node gives them, and what it tells of the whole. */
export interface Page {
  readonly studies: readonly WorklistStudy[];
  readonly total: number;
}

/** What is known of a list, and what is wanted of it now. */
export interface Renewal<P extends Page> {
  readonly before: readonly WorklistStudy[];
  /** How many rows there shall be, if there are so many. */
  readonly wanted: number;
  /** Of the rows before, the first in sight and the one behind the last. */
  readonly inSight: readonly [number, number];
  /** Studies that are not what they were, or not where; all others are. */
  readonly touched: ReadonlySet<string>;
  /** Whether there were more news since. */
  isOvertaken(): boolean;
  /** Raises Failure. */
  fetch(offset: number, limit: number): Promise<P>;
}

export interface Renewed<P extends Page> {
  readonly studies: readonly WorklistStudy[];
  /** Its beginning. */
  readonly first: P;
  readonly total: number;
}

const BEGINNING = 50;
const PROBE = 10;
const AT_ONCE = 200; // which the node gives
const REQUESTS_MOST = 14;
const STEPS_MOST = 30; // some of them ask nothing

interface Stretch {
  readonly from: number;
  readonly studies: readonly WorklistStudy[];
}

/** What of the list is still to be asked for: from the first of these places to before the second. */
type Lacking = readonly [number, number];

/**
 * The list as it is now. Its beginning, where most of what is new stands, and what is in sight are fetched. Between
 * fetched stretches the rows known before are right where there are as many as there have to be; where not, some in the
 * middle tell in which half. Undefined where that would take too many requests, or the list changes meanwhile.
 */
export async function renewed<P extends Page>(renewal: Renewal<P>): Promise<Renewed<P> | undefined> {
  return new Search(renewal).run();
}

class Search<P extends Page> {
  private stretches: Stretch[] = [];
  private length: number;
  private total = 0;
  private requests = 0;
  /** Those that are not where they were, wherever they are now. */
  private readonly moved = new Set<string>();
  private readonly before: ReadonlySet<string>;

  constructor(private readonly renewal: Renewal<P>) {
    this.length = renewal.wanted;
    this.before = new Set(renewal.before.map(({ studyInstanceUid }) => studyInstanceUid));
  }

  async run(): Promise<Renewed<P> | undefined> {
    const { before, wanted, inSight, touched } = this.renewal;
    const first = await this.fetched(0, Math.min(BEGINNING, wanted));
    await this.get(...inSight);
    if (wanted > before.length) await this.get(before.length, wanted);
    this.length = Math.min(this.length, this.total);
    let isAnchored = false;
    for (let step = 0; step < STEPS_MOST && this.requests <= REQUESTS_MOST; step += 1) {
      const found = this.composed();
      if (!found) return undefined;
      if (!("studies" in found)) {
        if (this.renewal.isOvertaken()) return undefined;
        await this.get(...found.lacking);
        continue;
      }
      const { studies, known } = found;
      const doubtful = studies.findIndex(({ studyInstanceUid: uid }) => touched.has(uid) && !known.has(uid));
      if (doubtful >= 0) {
        await this.look(studies, doubtful);
        continue;
      }
      const listed = new Set(studies.map(({ studyInstanceUid }) => studyInstanceUid));
      if (isAnchored || this.length === 0 || [...touched].every((uid) => listed.has(uid))) return { studies, first, total: this.total };
      isAnchored = true; // one that is nowhere may stand between: then the last row is another one
      await this.get(this.length - 1, this.length);
    }
    return undefined;
  }

  /** Fetch what stands where touched studies are thought to be. */
  private async look(studies: readonly WorklistStudy[], from: number): Promise<void> {
    const to = Math.min(from + PROBE, this.length);
    const thought = studies.slice(from, to).map(({ studyInstanceUid }) => studyInstanceUid);
    await this.get(from, to);
    const there = new Set(this.stretches.flatMap((stretch) => stretch.studies.map(({ studyInstanceUid }) => studyInstanceUid)));
    for (const uid of thought) if (this.renewal.touched.has(uid) && !there.has(uid)) this.moved.add(uid);
  }

  /** Fetch what is not here of these places. */
  private async get(from: number, to: number): Promise<void> {
    let at = from;
    for (const { from: begin, studies } of [...this.stretches, { from: Infinity, studies: [] }]) {
      const end = Math.min(to, begin);
      while (at < end) {
        const { studies: page } = await this.fetched(at, Math.min(AT_ONCE, end - at));
        if (page.length === 0) return;
        at += page.length;
      }
      at = Math.max(at, begin + studies.length);
    }
  }

  private async fetched(offset: number, limit: number): Promise<P> {
    this.requests += 1;
    const page = await this.renewal.fetch(offset, limit);
    this.total = page.total;
    if (page.studies.length > 0) this.stretches = [...this.stretches, { from: offset, studies: page.studies }].toSorted((a, b) => a.from - b.from);
    if (page.studies.length < limit) this.length = Math.min(this.length, page.studies.length > 0 ? offset + page.studies.length : page.total);
    return page;
  }

  /** The list of what was fetched and what was known, or what lacks; undefined where it changed meanwhile. */
  private composed(): { readonly studies: readonly WorklistStudy[]; readonly known: ReadonlySet<string> } | { readonly lacking: Lacking } | undefined {
    const stretchOf = new Map<string, number>();
    for (const [index, { from, studies }] of this.stretches.entries()) {
      for (const [place, { studyInstanceUid: uid }] of studies.entries()) {
        if (stretchOf.has(uid) || this.isUntold(uid, from + place)) return undefined;
        stretchOf.set(uid, index);
      }
    }
    const between = this.between(stretchOf);
    if (!between) return undefined;
    const studies: WorklistStudy[] = [];
    for (const [index, stretch] of this.stretches.entries()) {
      studies.push(...stretch.studies);
      const isLast = index === this.stretches.length - 1;
      const [from, to] = [studies.length, isLast ? this.length : (this.stretches[index + 1]?.from ?? 0)];
      const rows = between[index] ?? [];
      const lack = to - from - rows.length;
      if (lack > 0 && isLast) return { lacking: [to - lack, to] };
      if (lack !== 0 && !isLast && to > from) return { lacking: halfway(from, to) };
      if (to <= from && !isLast && rows.some(({ studyInstanceUid: uid }) => !this.renewal.touched.has(uid))) return undefined;
      studies.push(...rows.slice(0, Math.max(0, to - from)));
    }
    return { studies: studies.slice(0, this.length), known: new Set(stretchOf.keys()) };
  }

  /** Whether news of a row were missed: what stood behind the rows before comes up by no more than what went. */
  private isUntold(uid: string, place: number): boolean {
    const { before, touched } = this.renewal;
    return place < before.length - touched.size && !touched.has(uid) && !this.before.has(uid);
  }

  /** What was known and not fetched, by the stretch after which it stood; undefined where their order is another one. */
  private between(stretchOf: ReadonlyMap<string, number>): WorklistStudy[][] | undefined {
    const between: WorklistStudy[][] = this.stretches.map(() => []);
    let last = 0;
    for (const study of this.renewal.before) {
      const uid = study.studyInstanceUid;
      const index = stretchOf.get(uid);
      if (index === undefined) {
        if (!this.moved.has(uid)) between[last]?.push(study);
      } else if (!this.renewal.touched.has(uid)) {
        if (index < last) return undefined;
        last = index;
      }
    }
    return between;
  }
}

function halfway(from: number, to: number): Lacking {
  if (to - from <= 3 * PROBE) return [from, to];
  const middle = Math.floor((from + to - PROBE) / 2);
  return [middle, middle + PROBE];
}
