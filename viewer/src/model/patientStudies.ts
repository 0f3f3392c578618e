/** Every study of one patient, as the node knows who that is: by Patient ID and its issuer, with what was corrected and merged. */

import { isUid } from "@/dicomweb/client";
import type { Http } from "@/dicomweb/http";
import { count, list, record } from "@/model/decode";
import { worklistStudy, type WorklistStudy } from "@/model/worklistStudy";

const SHOWN_MOST = 200;

export interface PatientStudies {
  /** The newest first, and not all where there are very many. */
  readonly studies: readonly WorklistStudy[];
  readonly total: number;
}

/** The studies of the patient of this one, itself among them. The only question of who is the same patient. Raises Failure. */
export async function patientStudies(http: Pick<Http, "json">, studyInstanceUid: string, signal?: AbortSignal): Promise<PatientStudies> {
  const path = `/api/worklist?patient_of=${studyInstanceUid}&sort=-date&limit=${SHOWN_MOST}`;
  const answer = record(await http.json(path, signal && { signal }));
  const studies = list(answer["studies"]).map(worklistStudy);
  return { studies: studies.filter((study) => isUid(study.studyInstanceUid)), total: count(answer["total"]) };
}
