/** How the list is looked at: what is searched for, in which order, which columns; and how that is kept as JSON. */

import { toDa } from "@/i18n/format";
import { list, record, string, strings } from "@/model/decode";

export interface Filter {
  readonly search: string;
  /** None: every modality. */
  readonly modalities: readonly string[];
  /** DA, "" for no bound; likewise `to`. */
  readonly from: string;
  readonly to: string;
  /** Instead of the two: today and so many days before; a search that is kept means the same days tomorrow. */
  readonly days?: number | undefined;
  /** Only what nobody has read yet. */
  readonly unread: boolean;
}

export const NO_FILTER: Filter = { search: "", modalities: [], from: "", to: "", unread: false };

export function isEmpty({ search, modalities, from, to, days, unread }: Filter): boolean {
  return search === "" && modalities.length === 0 && from === "" && to === "" && days === undefined && !unread;
}

/** How many kinds of filters narrow the list beside what is searched for: modality, date, unread. */
export function activeKinds({ modalities, from, to, days, unread }: Filter): number {
  return [modalities.length > 0, from !== "" || to !== "" || days !== undefined, unread].filter(Boolean).length;
}

function daysAgo(days: number): string {
  const day = new Date();
  day.setDate(day.getDate() - days);
  return toDa(day);
}

/** The bounds that are meant now, as DA. */
export function dates({ from, to, days }: Filter): { readonly from: string; readonly to: string } {
  return days === undefined ? { from, to } : { from: daysAgo(days), to: "" };
}

export const COLUMNS = [
  "reading",
  "priority",
  "patient",
  "date",
  "modality",
  "study",
  "accession",
  "images",
  "received",
  "referring",
  "institution",
] as const;

export type ColumnName = (typeof COLUMNS)[number];

/** What a list of its own width has room for. */
export function usualColumns(): readonly ColumnName[] {
  const narrow = globalThis.matchMedia?.("(max-width: 1240px)").matches ?? false;
  const left = new Set<ColumnName>(narrow ? ["accession", "referring", "institution"] : ["referring", "institution"]);
  return COLUMNS.filter((name) => !left.has(name));
}

/** The node sorts by these. */
export const SORTS = ["patient", "date", "modality", "study", "accession", "images", "received", "referring", "institution"] as const;

export type SortName = (typeof SORTS)[number];

/** `undefined` is the list's own order: by priority, then by study date, the newest first. */
export interface Sort {
  /** `arrival`: by priority, then what arrived last. */
  readonly by: SortName | "arrival";
  readonly descending: boolean;
}

export const BY_ARRIVAL: Sort = { by: "arrival", descending: true };

/** Dates and figures are looked for from their end. */
const DESCENDING_FIRST: ReadonlySet<SortName> = new Set(["date", "images", "received"]);

/** What a press on the column's head makes of the order: one way, the other, none. */
export function nextSort(now: Sort | undefined, by: SortName): Sort | undefined {
  const first = DESCENDING_FIRST.has(by);
  if (now?.by !== by) return { by, descending: first };
  return now.descending === first ? { by, descending: !first } : undefined;
}

export interface SavedSearch {
  readonly name: string;
  readonly filter: Filter;
  readonly sort: Sort | undefined;
}

export const SEARCHES_MOST = 30;

/** What is not understood, of an older page perhaps, is left out. */
export function filterFrom(value: unknown): Filter {
  const kept = record(value);
  const da = (key: string): string => (/^\d{8}$/.test(string(kept[key])) ? string(kept[key]) : "");
  const days = kept["days"];
  return {
    search: string(kept["search"]),
    modalities: strings(kept["modalities"]),
    from: da("from"),
    to: da("to"),
    ...(typeof days === "number" && days >= 0 ? { days } : {}),
    unread: kept["unread"] === true,
  };
}

export function sortFrom(value: unknown): Sort | undefined {
  const kept = record(value);
  if (kept["by"] === BY_ARRIVAL.by) return BY_ARRIVAL;
  const by = SORTS.find((name) => name === kept["by"]);
  return by && { by, descending: kept["descending"] === true };
}

export function columnsFrom(value: unknown): readonly ColumnName[] | undefined {
  const kept = strings(value);
  const found = COLUMNS.filter((name) => kept.includes(name));
  return found.length > 0 ? found : undefined;
}

export function searchesFrom(value: unknown): readonly SavedSearch[] {
  return list(value)
    .map((one) => {
      const kept = record(one);
      return { name: string(kept["name"]), filter: filterFrom(kept["filter"]), sort: sortFrom(kept["sort"]) };
    })
    .filter(({ name }) => name !== "");
}
