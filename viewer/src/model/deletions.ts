/** What administrators take out of sight, and bring back for as long as the node keeps it. */

import { signal } from "@preact/signals";

import { count, list, record, string } from "@/model/decode";
import { Managed } from "@/model/managed";

/** One act that took objects out of sight. */
export interface Deletion {
  readonly id: string;
  readonly studyInstanceUid: string;
  readonly reason: string;
  readonly by: string;
  readonly instances: number;
  /** ISO 8601. */
  readonly at: string;
  /** ISO 8601; "": until somebody has it erased. */
  readonly undoUntil: string;
}

const PATH = "/api/deletions";

export function deletionFrom(value: unknown): Deletion {
  const said = record(value);
  return {
    id: string(said["id"]),
    studyInstanceUid: string(said["study_instance_uid"]),
    reason: string(said["reason"]),
    by: string(said["principal_name"]),
    instances: count(said["instances"]),
    at: string(said["at"]),
    undoUntil: string(said["undo_until"]),
  };
}

export class Deletions extends Managed {
  /** Those that can be undone, the newest first. */
  readonly open = signal<readonly Deletion[]>([]);

  async load(): Promise<void> {
    await this.attempt(async () => {
      this.open.value = list(record(await this.http.json(PATH))["deletions"]).map(deletionFrom);
      this.loaded.value = true;
    });
  }

  /** Those of these studies that the node has taken out of sight; where one is refused, `failure` says why and the rest stay. */
  async delete(studyInstanceUids: readonly string[], reason: string): Promise<readonly string[]> {
    const gone: string[] = [];
    const query = new URLSearchParams({ reason }).toString();
    await this.attempt(async () => {
      for (const uid of studyInstanceUids) {
        await this.http.json(`/dicom-web/studies/${uid}?${query}`, { method: "DELETE" });
        gone.push(uid);
      }
    });
    const { value: refused } = this.failure;
    await this.load();
    if (refused) this.failure.value = refused;
    return gone;
  }

  restore(id: string): Promise<boolean> {
    return this.change("POST", `${PATH}/${id}/restore`);
  }
}
