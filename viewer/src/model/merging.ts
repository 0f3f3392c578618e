/** Two patients who are one person: both as the node knows them, merged by one act, and the way back. */

import { signal } from "@preact/signals";

import type { Http } from "@/dicomweb/http";
import { count, record, string } from "@/model/decode";
import { Managed } from "@/model/managed";
import { patientStudies, type PatientStudies } from "@/model/patientStudies";
import { isDoubtful, samenessOf } from "@/model/priors";
import type { WorklistStudy } from "@/model/worklistStudy";

/** One of the two, named by a study of theirs: an ID alone may be several issuers'. */
export interface Party extends PatientStudies {
  readonly study: WorklistStudy;
}

export type Pair = readonly [Party, Party];

export interface Merged {
  readonly id: string;
  readonly studies: number;
  /** ISO 8601. */
  readonly undoUntil: string;
}

export class Merging extends Managed {
  readonly pair = signal<Pair | undefined>(undefined);
  readonly merged = signal<Merged | undefined>(undefined);
  /** For how many days it can be undone; 0: not known. */
  readonly undoDays = signal(0);

  constructor(
    http: Http,
    private readonly studyInstanceUids: readonly [string, string],
  ) {
    super(http);
  }

  async load(): Promise<void> {
    await this.attempt(async () => {
      const [one, other] = await Promise.all([this.party(this.studyInstanceUids[0]), this.party(this.studyInstanceUids[1])]);
      this.undoDays.value = count(record(await this.http.json("/api/deletions?limit=1"))["undo_days"]);
      this.pair.value = one && other && [one, other];
      this.loaded.value = true;
    });
  }

  /** Give every study of `gone` to `stays`. Whether the node did it; else `failure` says why. */
  async merge(gone: Party, stays: Party, reason: string): Promise<boolean> {
    const json = { patient: named(gone), into: named(stays), reason };
    return this.attempt(async () => {
      const made = record(await this.http.json("/api/merges", { method: "POST", json }));
      this.merged.value = { id: string(made["id"]), studies: count(made["studies"]), undoUntil: string(made["undo_until"]) };
    });
  }

  async undo({ id }: Merged): Promise<boolean> {
    const done = await this.attempt(() => this.http.json(`/api/corrections/${id}/undo`, { method: "POST" }));
    if (done) {
      this.merged.value = undefined;
      await this.load();
    }
    return done;
  }

  private async party(studyInstanceUid: string): Promise<Party | undefined> {
    const found = await patientStudies(this.http, studyInstanceUid);
    const study = found.studies.find((one) => one.studyInstanceUid === studyInstanceUid);
    return study && { ...found, study };
  }
}

function named({ study }: Party): object {
  return { study_instance_uid: study.studyInstanceUid };
}

/** Whether the node has both under one patient already. */
export function isOne([one, other]: Pair): boolean {
  return samenessOf(one.study, other.study) !== undefined;
}

/** Whether they differ in what both say of a person. */
export function differ([one, other]: Pair): boolean {
  return isDoubtful(one.study, other.study);
}
