/** That AI put the open study ahead of others, and why: of its row in the list, else asked of the node. */

import { signal } from "@preact/signals";

import { Failure, isAborted, type Http } from "@/dicomweb/http";
import { list, record } from "@/model/decode";
import { worklistStudy, type WorklistStudy } from "@/model/worklistStudy";

export type Raised = Pick<WorklistStudy, "studyInstanceUid" | "priority" | "prioritySource" | "reason">;

const OF_A_PATIENT_MOST = 200;

export class Urgency {
  /** Undefined where no AI service has raised it, and as long as that is not known. */
  readonly raised = signal<Raised | undefined>(undefined);

  constructor(
    private readonly http: Http,
    private readonly listed: () => readonly Raised[],
  ) {}

  /** Of this study, which is now open: as the list says it, or anew where something has happened to it. */
  async look(studyInstanceUid: string, stop: AbortSignal, anew = false): Promise<void> {
    const known = anew ? undefined : this.listed().find((row) => row.studyInstanceUid === studyInstanceUid);
    if (!known && !anew) this.raised.value = undefined;
    const row = known ?? (await this.asked(studyInstanceUid, stop));
    if (!stop.aborted) this.raised.value = row?.prioritySource ? row : undefined;
  }

  private async asked(studyInstanceUid: string, signal: AbortSignal): Promise<Raised | undefined> {
    const path = `/api/worklist?patient_of=${studyInstanceUid}&sort=-date&limit=${OF_A_PATIENT_MOST}`;
    try {
      const rows = list(record(await this.http.json(path, { signal }))["studies"]).map(worklistStudy);
      return rows.find((row) => row.studyInstanceUid === studyInstanceUid);
    } catch (error) {
      if (!isAborted(error) && !(error instanceof Failure)) throw error;
      return undefined; // the list said it, and says it again
    }
  }
}
