/** Which series of a study have something to read among their images: the list of series does not tell. */

import type { DicomWeb, SeriesSummary } from "@/dicomweb/client";
import { isReadable } from "@/model/seriesParts";

/** Their UIDs. Raises Failure. */
export async function mixedSeries(web: DicomWeb, studyInstanceUid: string, series: readonly SeriesSummary[], signal: AbortSignal): Promise<ReadonlySet<string>> {
  const classes = await web.sopClasses(studyInstanceUid, signal);
  const readable = classes.filter(isReadable);
  if (readable.length === 0 || readable.length === classes.length) return new Set();
  const documents = await web.seriesOfClasses(studyInstanceUid, readable, signal);
  return new Set(series.filter(({ seriesInstanceUid: uid, numberOfInstances }) => documents.includes(uid) && documents.filter((one) => one === uid).length < numberOfInstances).map(({ seriesInstanceUid }) => seriesInstanceUid));
}
