/** Every study of one patient, the newest first. */

import { signal } from "@preact/signals";

import { Failure, isAborted, type Http } from "@/dicomweb/http";
import { patientStudies } from "@/model/patientStudies";
import type { WorklistStudy } from "@/model/worklistStudy";

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
      const found = await patientStudies(this.http, studyInstanceUid, asked.signal);
      this.total.value = found.total;
      this.studies.value = found.studies;
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
