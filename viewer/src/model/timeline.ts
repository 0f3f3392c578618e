/** Every study of one patient, the newest first. */

import { signal } from "@preact/signals";

import { isUid } from "@/dicomweb/client";
import { Failure, isAborted, type Http } from "@/dicomweb/http";
import { count, list, record } from "@/model/decode";
import { worklistStudy, type WorklistStudy } from "@/model/worklist";

const SHOWN_MOST = 200;

export class Timeline {
  /** The study from which it was asked for; "" while it is closed. */
  readonly of = signal("");
  readonly studies = signal<readonly WorklistStudy[] | undefined>(undefined);
  readonly total = signal(0);
  readonly failure = signal<Failure | undefined>(undefined);

  private asked: AbortController | undefined;

  constructor(private readonly http: Http) {}

  async open(studyInstanceUid: string): Promise<void> {
    this.close();
    this.of.value = studyInstanceUid;
    const asked = new AbortController();
    this.asked = asked;
    try {
      const path = `/api/worklist?patient_of=${studyInstanceUid}&sort=-date&limit=${SHOWN_MOST}`;
      const answer = record(await this.http.json(path, { signal: asked.signal }));
      this.total.value = count(answer["total"]);
      this.studies.value = list(answer["studies"])
        .map(worklistStudy)
        .filter((study) => isUid(study.studyInstanceUid));
    } catch (error) {
      if (isAborted(error)) return;
      if (!(error instanceof Failure)) throw error;
      this.failure.value = error;
    }
  }

  close(): void {
    this.asked?.abort();
    this.of.value = "";
    this.studies.value = undefined;
    this.failure.value = undefined;
  }
}
