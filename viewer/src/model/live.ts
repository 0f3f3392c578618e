/** The node's live events over a WebSocket that comes back by itself. */

import { signal } from "@preact/signals";

import { record, string } from "@/model/decode";

export type LiveState = "connecting" | "live" | "offline";

export interface LiveHandlers {
  /** The connection stands (again): events may have been missed. */
  connected(): void;
  studyChanged(studyInstanceUid: string): void;
  /** The connection was refused or closed: the session may have ended. */
  lost(): void;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
/** The node says that it is there every 15 s; a network that went away without a word never closes the socket. */
export const LONGEST_SILENCE_MS = 40_000;

/** Milliseconds before attempt number `attempt` (from 0), doubling, spread so that a ward does not knock at once. */
export function backOff(attempt: number, random: number): number {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt) * (0.5 + random / 2);
}

export class Live {
  readonly state = signal<LiveState>("offline");

  private socket: WebSocket | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private silence: ReturnType<typeof setTimeout> | undefined;
  private attempt = 0;

  constructor(
    private readonly handlers: LiveHandlers,
    private readonly connect: () => WebSocket = () => new WebSocket(address()),
  ) {}

  /** Connect and stay connected; the returned function ends it. */
  open(): () => void {
    const wake = (): void => this.retryNow();
    const gone = (): void => this.giveUp();
    globalThis.addEventListener("online", wake);
    globalThis.addEventListener("offline", gone);
    this.dial();
    return () => {
      globalThis.removeEventListener("online", wake);
      globalThis.removeEventListener("offline", gone);
      clearTimeout(this.timer);
      clearTimeout(this.silence);
      const socket = this.socket;
      this.socket = undefined;
      socket?.close();
      this.state.value = "offline";
    };
  }

  /** Do not wait for the next attempt: the network is back. */
  retryNow(): void {
    if (this.state.value !== "offline") return;
    clearTimeout(this.timer);
    this.attempt = 0;
    this.dial();
  }

  private dial(): void {
    const socket = this.connect();
    this.socket = socket;
    this.state.value = "connecting";
    this.expectWord();
    socket.addEventListener("message", (event) => {
      if (this.socket === socket) this.hear(event.data);
    });
    socket.addEventListener("close", () => {
      if (this.socket === socket) this.lost();
    });
  }

  private expectWord(): void {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.giveUp(), LONGEST_SILENCE_MS);
  }

  /** Not by its close event: over a dead network that takes minutes to come. */
  private giveUp(): void {
    const socket = this.socket;
    if (!socket) return;
    this.lost();
    socket.close();
  }

  private hear(data: unknown): void {
    this.expectWord();
    if (this.state.value !== "live") {
      this.state.value = "live";
      this.attempt = 0;
      this.handlers.connected();
    }
    const message = parse(data);
    if (string(message["kind"]) === "study.changed") this.handlers.studyChanged(string(message["study_instance_uid"]));
  }

  private lost(): void {
    this.socket = undefined;
    clearTimeout(this.silence);
    this.state.value = "offline";
    this.handlers.lost();
    this.timer = setTimeout(() => this.dial(), backOff(this.attempt, Math.random()));
    this.attempt += 1;
  }
}

function parse(data: unknown): Readonly<Record<string, unknown>> {
  if (typeof data !== "string") return {};
  try {
    return record(JSON.parse(data));
  } catch {
    return {};
  }
}

function address(): string {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return `${scheme}//${location.host}/ws`;
}
