/** What people delete or reject, and bring back for as long as the node keeps it. */

import { signal } from "@preact/signals";

import type { Http } from "@/dicomweb/http";
import { count, list, record, string } from "@/model/decode";
import { Managed } from "@/model/managed";

/** One act that took objects out of sight. */
export interface Deletion {
  readonly id: string;
  readonly studyInstanceUid: string;
  /** "" where more than one is meant. */
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
  /** Whether a rejection note did it: who may reject brings it back. */
  readonly isRejection: boolean;
  /** Of a rejection: its title, one of CODES. */
  readonly code: string;
  readonly reason: string;
  readonly by: string;
  readonly instances: number;
  /** ISO 8601. */
  readonly at: string;
  /** ISO 8601; "": until somebody has it erased. */
  readonly undoUntil: string;
}

const DAY_MS = 86_400_000;
const PATH = "/api/deletions";

/** Titles of rejection notes (PS3.16 CID 7011). */
export const CODES = ["113001", "113037", "113038", "113039"] as const;
export type Code = (typeof CODES)[number];
/** Data Retention Policy Expired: kept as what is deleted, and new when it comes again. */
export const EXPIRED: Code = "113039";

/** An image or a whole series of a study. */
export interface Rejectable {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid?: string | undefined;
}

export function deletionFrom(value: unknown): Deletion {
  const said = record(value);
  return {
    id: string(said["id"]),
    studyInstanceUid: string(said["study_instance_uid"]),
    seriesInstanceUid: string(said["series_instance_uid"]),
    sopInstanceUid: string(said["sop_instance_uid"]),
    isRejection: said["kind"] === "rejected",
    code: string(said["code"]),
    reason: string(said["reason"]),
    by: string(said["principal_name"]),
    instances: count(said["instances"]),
    at: string(said["at"]),
    undoUntil: string(said["undo_until"]),
  };
}

function numberIn(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

export class Deletions extends Managed {
  /** Those that can be undone, the newest first. */
  readonly open = signal<readonly Deletion[]>([]);

  /** How many days what is rejected for each reason is kept from now on; undefined: until somebody has it erased. */
  private readonly days = signal<{ readonly expired: number | undefined; readonly other: number | undefined }>({ expired: undefined, other: undefined });

  constructor(
    http: Http,
    /** "": of every study. */
    private readonly studyInstanceUid = "",
    /** Whether the reader may bring back what was deleted, too. */
    private readonly all = true,
  ) {
    super(http);
  }

  /** When what is rejected now is erased (ISO 8601); "": when somebody has it erased. */
  keptUntil(code: Code, now: Date): string {
    const days = code === EXPIRED ? this.days.value.expired : this.days.value.other;
    return days === undefined ? "" : new Date(now.getTime() + days * DAY_MS).toISOString();
  }

  async load(): Promise<void> {
    await this.attempt(async () => {
      const said = record(await this.http.json(this.studyInstanceUid ? `${PATH}?study=${this.studyInstanceUid}` : PATH));
      this.open.value = list(said["deletions"])
        .map(deletionFrom)
        .filter(({ isRejection }) => this.all || isRejection);
      this.days.value = { expired: numberIn(said["undo_days"]), other: numberIn(said["rejected_days"]) };
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

  /** Whether the node rejected it, by a note with this title. */
  reject({ studyInstanceUid, seriesInstanceUid, sopInstanceUid = "" }: Rejectable, code: Code): Promise<boolean> {
    const json = { study_instance_uid: studyInstanceUid, series_instance_uid: seriesInstanceUid, sop_instance_uid: sopInstanceUid, code };
    return this.change("POST", "/api/rejections", json);
  }

  restore(id: string): Promise<boolean> {
    return this.change("POST", `${PATH}/${id}/restore`);
  }
}
