/** What the archive's objects say of images: which of them count, and what they measure and mark. */

import type { SeriesSummary } from "@/dicomweb/client";
import { isOwn, Tag, text, type Dataset } from "@/dicomweb/json";
import { markedImagesOf, predecessorsOf } from "@/dicomweb/measured";
import { isReport } from "@/dicomweb/report";
import type { SeriesLibrary } from "@/model/seriesLibrary";

const READ = new Set(["SR", "KO", "PR"]);
const REPORTS = "1.2.840.10008.5.1.4.1.1.88.";
const KEY_OBJECTS = "1.2.840.10008.5.1.4.1.1.88.59";

function moment(object: Dataset): string {
  return text(object, Tag.ContentDate) + text(object, Tag.ContentTime);
}

function isKeys(object: Dataset): boolean {
  return text(object, Tag.SOPClassUID) === KEY_OBJECTS;
}

function newest(objects: readonly Dataset[]): Dataset | undefined {
  return objects.toSorted((one, other) => moment(one).localeCompare(moment(other))).at(-1);
}

/** The objects among these series of one study that tell of other objects, as far as they are read; `mixed`: series that have some among their images. */
export function remarksIn(series: readonly SeriesSummary[], library: SeriesLibrary, mixed: ReadonlySet<string> = new Set()): Dataset[] {
  return series.filter(({ modality, seriesInstanceUid }) => READ.has(modality) || mixed.has(seriesInstanceUid)).flatMap((one) => library.of(one).content.value.others);
}

/** The reports of a study. */
export function reportsOf(objects: readonly Dataset[]): Dataset[] {
  return objects.filter((object) => text(object, Tag.SOPClassUID).startsWith(REPORTS) && !isKeys(object));
}

/** Those whose place no report that was written here has taken. */
export function currentReports(reports: readonly Dataset[]): Dataset[] {
  const replaced = new Set(reports.filter(isOwn).flatMap(predecessorsOf));
  return reports.filter((report) => !replaced.has(text(report, Tag.SOPInstanceUID)));
}

/** The objects of a series as they are offered: reports newest first, and those whose place another has taken. */
export function inReadingOrder(objects: readonly Dataset[]): { readonly others: readonly Dataset[]; readonly earlier: ReadonlySet<Dataset> } {
  if (!objects.every(isReport)) return { others: objects, earlier: new Set() };
  const current = new Set(currentReports(objects));
  const own = objects.filter((one) => isKeys(one) && isOwn(one));
  const last = newest(own);
  return {
    others: objects.toSorted((one, other) => moment(other).localeCompare(moment(one))),
    earlier: new Set([...objects.filter((one) => !current.has(one)), ...own.filter((one) => one !== last)]),
  };
}

/** The key images of a study: those of every other maker, and the newest selection written here. */
export function keysOf(objects: readonly Dataset[]): ReadonlySet<string> {
  const selections = objects.filter(isKeys);
  const own = newest(selections.filter(isOwn));
  return new Set([...selections.filter((one) => !isOwn(one)), ...(own ? [own] : [])].flatMap(markedImagesOf));
}
