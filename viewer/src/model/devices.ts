/** DICOM devices: who is registered, who knocked in vain, and what they did lately. For administrators. */

import { signal } from "@preact/signals";

import { Failure } from "@/dicomweb/http";
import { count, list, record, string, strings } from "@/model/decode";
import { Managed } from "@/model/managed";

export const VERBS = ["store", "find", "move", "get", "worklist"] as const;
export type Verb = (typeof VERBS)[number];

export interface Device {
  readonly aeTitle: string;
  readonly host: string;
  readonly port: number;
  readonly verbs: readonly string[];
  readonly description: string;
  readonly tls: boolean;
  /** All that is registered of it besides, as the node has it: a change has to leave it as it is. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** What is typed of a device. */
export type Registration = Pick<Device, "aeTitle" | "host" | "port" | "verbs" | "description">;

export interface UnknownCaller {
  readonly aeTitle: string;
  readonly address: string;
  readonly calledAeTitle: string;
  readonly attempts: number;
  /** ISO 8601 with zone. */
  readonly lastAt: string;
}

export interface Activity {
  readonly at: string;
  readonly aeTitle: string;
  readonly address: string;
  readonly accepted: boolean;
  /** Why it ended or did not come about, for the catalogue, with what its words name. */
  readonly reason: string;
  readonly details: Readonly<Record<string, string>>;
  /** The same in the node's English, for reasons that this viewer does not know. */
  readonly words: string;
  /** Answers by operation and outcome, such as store_succeeded. */
  readonly counts: Readonly<Record<string, number>>;
  readonly lastRefusal: string;
}

/** What became of a C-ECHO: why it failed, as a failure of what was asked. */
export interface Echo {
  readonly failure: Failure | undefined;
}

const PATH = "/api/peers";
const FAILED = 500;

export class Devices extends Managed {
  readonly registered = signal<readonly Device[]>([]);
  readonly unknown = signal<readonly UnknownCaller[]>([]);
  readonly activity = signal<readonly Activity[]>([]);
  /** By AE title: the last test of the connection, undefined while it runs. */
  readonly echoes = signal<ReadonlyMap<string, Echo | undefined>>(new Map());

  async load(): Promise<void> {
    await this.attempt(async () => {
      const [peers, activity] = await Promise.all([this.http.json(PATH), this.http.json(`${PATH}/activity`)]);
      this.registered.value = list(record(peers)["peers"]).map(device);
      this.unknown.value = list(record(peers)["unknown_callers"]).map(unknownCaller);
      this.activity.value = list(record(activity)["activity"]).map(activityOf);
      this.loaded.value = true;
    });
  }

  /** Why the node did not take it; undefined when it did. */
  async register(made: Registration): Promise<Failure | undefined> {
    return this.submit("POST", PATH, body(made, {}));
  }

  /** Put this in place of what is registered of the device; its title stays. Why the node did not, undefined when it did. */
  async update({ options }: Device, changed: Registration): Promise<Failure | undefined> {
    return this.submit("PUT", `${PATH}/${encodeURIComponent(changed.aeTitle)}`, body(changed, options));
  }

  async remove(aeTitle: string): Promise<boolean> {
    return this.change("DELETE", `${PATH}/${encodeURIComponent(aeTitle)}`);
  }

  /** Ask the device for a C-ECHO. */
  async test(aeTitle: string): Promise<void> {
    this.echoed(aeTitle, undefined);
    try {
      const path = `${PATH}/${encodeURIComponent(aeTitle)}/echo`;
      const answer = record(await this.http.json(path, { method: "POST" }));
      const failed = new Failure(FAILED, string(answer["words"]), "", 0, undefined, string(answer["code"]));
      this.echoed(aeTitle, { failure: answer["succeeded"] === true ? undefined : failed });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.echoed(aeTitle, { failure: error });
    }
  }

  private echoed(aeTitle: string, echo: Echo | undefined): void {
    this.echoes.value = new Map(this.echoes.value).set(aeTitle, echo);
  }
}

function body({ aeTitle, host, port, verbs, description }: Registration, options: Device["options"]): unknown {
  return { ae_title: aeTitle, host, port, verbs, options: { ...options, description } };
}

function device(value: unknown): Device {
  const peer = record(value);
  const options = record(peer["options"]);
  return {
    aeTitle: string(peer["ae_title"]),
    host: string(peer["host"]),
    port: count(peer["port"]),
    verbs: strings(peer["verbs"]),
    description: string(options["description"]),
    tls: options["tls"] === true,
    options,
  };
}

function unknownCaller(value: unknown): UnknownCaller {
  const caller = record(value);
  return {
    aeTitle: string(caller["ae_title"]),
    address: string(caller["address"]),
    calledAeTitle: string(caller["called_ae_title"]),
    attempts: count(caller["attempts"]),
    lastAt: string(caller["last_at"]),
  };
}

function activityOf(value: unknown): Activity {
  const activity = record(value);
  const ending = record(activity["ending"]);
  const details = Object.entries(record(ending["details"])).map(([name, text]) => [name, string(text)]);
  const counts = Object.entries(record(activity["counts"])).map(([name, number]) => [name, count(number)]);
  return {
    at: string(activity["at"]),
    aeTitle: string(activity["ae_title"]),
    address: string(activity["address"]),
    accepted: activity["accepted"] === true,
    reason: string(ending["reason"]),
    details: Object.fromEntries(details) as Record<string, string>,
    words: string(activity["words"]),
    counts: Object.fromEntries(counts) as Record<string, number>,
    lastRefusal: string(activity["last_refusal"]),
  };
}
