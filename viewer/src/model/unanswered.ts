/** What was sent to be saved and had no answer: the node may have it, and sent again as it was it makes nothing twice. */

import type { InstanceAddress, SavedForm } from "@/dicomweb/client";
import { Failure, isOutOfReach } from "@/dicomweb/http";

export interface Sent<Form extends SavedForm = SavedForm> {
  readonly what: Form;
  readonly body: unknown;
  /** What the screen shows of it. */
  readonly shown: readonly unknown[];
}

/** By it the node knows the same when it comes again. */
export function newRequestId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Unanswered<Form extends SavedForm> {
  private sent: readonly Sent<Form>[] = [];

  keep(sent: Sent<Form>): void {
    this.sent = [...this.sent, sent];
  }

  /** Send it again, before anything that takes its place. Raises Failure while there is no answer; what is refused is not there. */
  async settle(send: (sent: Sent<Form>) => Promise<InstanceAddress>, taken: (sent: Sent<Form>, made: InstanceAddress) => void): Promise<void> {
    for (const one of this.sent) {
      try {
        taken(one, await send(one));
      } catch (error) {
        if (!(error instanceof Failure) || isOutOfReach(error)) throw error;
      }
      this.sent = this.sent.filter((other) => other !== one);
    }
  }
}
