import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Live, LONGEST_SILENCE_MS } from "@/model/live";

/** What Live asks of a WebSocket. */
class Socket extends EventTarget {
  closed = false;

  close(): void {
    this.closed = true; // over a dead network the close event does not come
  }

  say(kind: string, more: object = {}): void {
    this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify({ kind, ...more }) }));
  }
}

function watch() {
  const sockets: Socket[] = [];
  const changed: string[] = [];
  const live = new Live({ connected: () => {}, studyChanged: (uid) => void changed.push(uid), lost: () => {} }, () => {
    const socket = new Socket();
    sockets.push(socket);
    return socket as unknown as WebSocket;
  });
  return { live, sockets, changed, close: live.open() };
}

describe("Live", () => {
  let page: EventTarget;

  beforeEach(() => {
    vi.useFakeTimers();
    page = new EventTarget();
    vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
    vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
  });

  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("stays live while the node says that it is there", () => {
    const { live, sockets, close } = watch();
    sockets[0]?.say("hello");
    for (let beat = 0; beat < 10; beat += 1) {
      vi.advanceTimersByTime(LONGEST_SILENCE_MS - 1);
      sockets[0]?.say("alive");
    }
    expect(live.state.value).toBe("live");
    expect(sockets).toHaveLength(1);
    close();
  });

  it("takes silence for a lost connection, and comes back by itself", () => {
    const { live, sockets, changed, close } = watch();
    sockets[0]?.say("hello");
    vi.advanceTimersByTime(LONGEST_SILENCE_MS);
    expect(live.state.value).toBe("offline");
    expect(sockets[0]?.closed).toBe(true);
    vi.advanceTimersByTime(1000);
    sockets[1]?.say("hello");
    sockets[0]?.say("study.changed", { study_instance_uid: "1.2" }); // the old one has nothing more to say
    sockets[1]?.say("study.changed", { study_instance_uid: "1.3" });
    expect(live.state.value).toBe("live");
    expect(changed).toEqual(["1.3"]);
    close();
  });

  it("gives up a connection that is never answered", () => {
    const { sockets, close } = watch();
    vi.advanceTimersByTime(LONGEST_SILENCE_MS + 1000);
    expect(sockets).toHaveLength(2);
    close();
  });

  it("is offline at once when the machine is", () => {
    const { live, sockets, close } = watch();
    sockets[0]?.say("hello");
    page.dispatchEvent(new Event("offline"));
    expect(live.state.value).toBe("offline");
    page.dispatchEvent(new Event("online"));
    expect(live.state.value).toBe("connecting");
    close();
    vi.advanceTimersByTime(10 * LONGEST_SILENCE_MS);
    expect(sockets).toHaveLength(2);
  });
});
