/** What stands together in the list under one heading: a priority above or below all others, or a day. */

import { formatDate, toDa, two } from "@/i18n/format";
import type { Sort } from "@/model/listView";
import type { Priority, WorklistStudy } from "@/model/worklistStudy";

/** What a heading says. `day` is DA, "" where there is no date, or what stands there instead of one. */
export type GroupKind = { readonly priority: Priority } | { readonly day: string; readonly arrived: boolean };

export interface Group {
  readonly key: string;
  /** Undefined: an order that has no days. */
  readonly kind: GroupKind | undefined;
  readonly studies: readonly WorklistStudy[];
}

type Grouping = (study: WorklistStudy) => GroupKind;

const byDate: Grouping = ({ studyDate }) => ({ day: formatDate(studyDate) === "" ? "" : studyDate.replaceAll(".", ""), arrived: false });
const byArrival: Grouping = ({ receivedAt }) => ({ day: dayOf(receivedAt), arrived: true });

function urgentApart(days: Grouping): Grouping {
  return (study) => (study.priority === "routine" ? days(study) : { priority: study.priority });
}

function dayOf(iso: string): string {
  const moment = new Date(iso);
  return Number.isNaN(moment.getTime()) ? "" : toDa(moment);
}

function groupingOf(sort: Sort | undefined): Grouping | undefined {
  if (!sort) return urgentApart(byDate);
  const others: Readonly<Partial<Record<Sort["by"], Grouping>>> = { arrival: urgentApart(byArrival), date: byDate, received: byArrival };
  return others[sort.by];
}

/** The studies as they are listed, those beside each other with the same heading together. */
export function groupsOf(studies: readonly WorklistStudy[], sort: Sort | undefined): readonly Group[] {
  const grouping = groupingOf(sort);
  if (!grouping) return studies.length > 0 ? [{ key: "", kind: undefined, studies }] : [];
  const groups: { key: string; kind: GroupKind; studies: WorklistStudy[] }[] = [];
  for (const study of studies) {
    const kind = grouping(study);
    const key = "priority" in kind ? kind.priority : `day-${kind.day}`;
    const last = groups.at(-1);
    if (last?.key === key) last.studies.push(study);
    else groups.push({ key, kind, studies: [study] });
  }
  return groups;
}

/** How far back a day is: 0 is today, 1 yesterday; undefined of what is no date. */
export function daysBack(da: string, now: Date): number | undefined {
  const parts = /^(\d{4})(\d{2})(\d{2})$/.exec(da)?.slice(1).map(Number);
  if (!parts) return undefined;
  const [year = 0, month = 0, day = 0] = parts;
  return Math.round((Date.UTC(now.getFullYear(), now.getMonth(), now.getDate()) - Date.UTC(year, month - 1, day)) / 86_400_000);
}

/** The beginning of a day here, with its distance from UTC: as the node is told it. */
export function midnight(now: Date): string {
  const start = new Date(now.getFullYear(), now.getMonth(), now.getDate());
  const ahead = -start.getTimezoneOffset();
  const day = toDa(start).replace(/(....)(..)(..)/, "$1-$2-$3");
  return `${day}T00:00:00${ahead < 0 ? "-" : "+"}${two(Math.floor(Math.abs(ahead) / 60))}:${two(Math.abs(ahead) % 60)}`;
}
