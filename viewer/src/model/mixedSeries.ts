/** Which series of a study have something else among their images: the list of series does not tell. */

import type { DicomWeb, SeriesSummary } from "@/dicomweb/client";
import { isLaidOver, isReadable } from "@/model/seriesParts";

/** Series by UID. */
export interface MixedSeries {
  /** With something to read. */
  readonly read: ReadonlySet<string>;
  /** With segmentations or structure sets, which are laid over images. */
  readonly marked: ReadonlySet<string>;
}

export const NONE_MIXED: MixedSeries = { read: new Set(), marked: new Set() };

/** Those of a study. Raises Failure. */
export async function mixedSeries(web: DicomWeb, studyInstanceUid: string, series: readonly SeriesSummary[], signal: AbortSignal): Promise<MixedSeries> {
  const classes = await web.sopClasses(studyInstanceUid, signal);
  const wanted = classes.filter((one) => isReadable(one) || isLaidOver(one));
  if (wanted.length === 0 || wanted.length === classes.length) return NONE_MIXED;
  const found = await web.objectsOfClasses(studyInstanceUid, wanted, signal);
  const mixed = series.filter(({ seriesInstanceUid: uid, numberOfInstances }) => found.filter((one) => one.seriesInstanceUid === uid).length < numberOfInstances);
  const having = (is: (sopClassUid: string) => boolean): ReadonlySet<string> => {
    const uids = new Set(found.filter(({ sopClassUid }) => is(sopClassUid)).map(({ seriesInstanceUid }) => seriesInstanceUid));
    return new Set(mixed.map(({ seriesInstanceUid }) => seriesInstanceUid).filter((uid) => uids.has(uid)));
  };
  return { read: having(isReadable), marked: having(isLaidOver) };
}
