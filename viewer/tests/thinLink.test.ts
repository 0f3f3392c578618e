import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Arrival } from "@/viewport/arrival";
import { fetchFrame, type Fetched, type Wish } from "@/viewport/frameFetch";
import { coarseLevel, levelWithin } from "@/viewport/levels";
import { measured, takesLong } from "@/viewport/link";

const SIZE = 200_000;
const WHOLE = Uint8Array.from({ length: SIZE }, (_, at) => at % 251);

/** Frames on their way, by path: what the node was asked, and how to let bytes come. */
interface OnTheWay {
  readonly range: string | null;
  send(bytes: number): Promise<void>;
  isOver: boolean;
}

const asked: { readonly path: string; readonly way: OnTheWay }[] = [];

function settle(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 5);
  });
}

/** A node that answers ranges, as slowly as the test wants. */
function answer(path: string, init: RequestInit): Promise<Response> {
  const headers = new Headers(init.headers);
  const range = headers.get("Range");
  const from = Number(/\d+/.exec(range ?? "0")?.[0]);
  let at = from;
  let control: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({ start: (given) => void (control = given) });
  const way: OnTheWay = {
    range,
    isOver: false,
    send: async (bytes) => {
      control?.enqueue(WHOLE.slice(at, at + bytes));
      at += bytes;
      if (at >= SIZE) control?.close();
      await settle();
    },
  };
  init.signal?.addEventListener("abort", () => {
    way.isOver = true;
    control?.error(init.signal?.reason);
  });
  asked.push({ path, way });
  const told: Record<string, string> = { ETag: '"one"', "Content-Type": "image/jphc", "Content-Length": String(SIZE - from) };
  if (range) told["Content-Range"] = `bytes ${from}-${SIZE - 1}/${SIZE}`;
  return Promise.resolve(new Response(body, { status: range ? 206 : 200, headers: told }));
}

function wish(path: string, urgent: boolean, arrival = new Arrival("image/jphc")): { wish: Wish; abort: AbortController; came: Promise<Fetched> } {
  const abort = new AbortController();
  const made: Wish = { path, urgent, arrival, expected: SIZE, signal: abort.signal };
  const came = fetchFrame(made);
  came.catch(() => {});
  return { wish: made, abort, came };
}

function speed(bitsPerSecond: number): void {
  for (let time = 0; time < 30; time += 1) measured(bitsPerSecond / 8, 1000);
}

const way = (path: string, time = -1): OnTheWay | undefined => asked.filter((one) => one.path === path).at(time)?.way;
const open: AbortController[] = [];

beforeEach(() => {
  asked.length = 0;
  vi.stubGlobal("fetch", answer);
});

afterEach(() => {
  for (const one of open.splice(0)) one.abort();
  vi.unstubAllGlobals();
});

function wanted(path: string, urgent: boolean, arrival?: Arrival): ReturnType<typeof wish> {
  const one = wish(path, urgent, arrival);
  open.push(one.abort);
  return one;
}

describe("frames over a slow link", () => {
  beforeEach(() => speed(256_000));

  it("come one at a time where nobody waits for them", async () => {
    wanted("/a", false);
    wanted("/b", false);
    await settle();
    expect(asked.map(({ path }) => path)).toEqual(["/a"]);
    await way("/a")?.send(SIZE);
    expect(asked.map(({ path }) => path)).toEqual(["/a", "/b"]);
  });

  it("wait while another is looked at, and go on from where they were", async () => {
    const ahead = wanted("/ahead", false);
    await settle();
    await way("/ahead")?.send(50_000);
    const looked = wanted("/looked", true);
    await settle();
    expect(way("/ahead")?.isOver).toBe(true);
    await way("/looked")?.send(SIZE);
    expect(Buffer.compare(WHOLE, (await looked.came).bytes)).toBe(0);
    await settle();
    expect(way("/ahead")?.range).toBe("bytes=50000-");
    await way("/ahead")?.send(SIZE);
    expect(Buffer.compare(WHOLE, (await ahead.came).bytes)).toBe(0);
  });

  it("that are read ahead and become the ones looked at are not begun again", async () => {
    const ahead = wanted("/a", false);
    await settle();
    await way("/a")?.send(50_000);
    ahead.wish.urgent = true;
    wanted("/b", false);
    await settle();
    expect(asked.map(({ path }) => path)).toEqual(["/a"]);
    await way("/a")?.send(SIZE);
    expect(Buffer.compare(WHOLE, (await ahead.came).bytes)).toBe(0);
  });

  it("that were given up are gone on with by who asks again", async () => {
    const arrival = new Arrival("image/jphc");
    const first = wanted("/a", true, arrival);
    await settle();
    await way("/a")?.send(30_000);
    first.abort.abort();
    await expect(first.came).rejects.toThrow();
    const again = wanted("/a", true, arrival);
    await settle();
    expect(way("/a")?.range).toBe("bytes=30000-");
    await way("/a")?.send(SIZE);
    expect(Buffer.compare(WHOLE, (await again.came).bytes)).toBe(0);
  });
});

describe("frames over a fast link", () => {
  beforeEach(() => speed(100e6));

  it("come three at a time, and are not stopped for the one looked at", async () => {
    for (const path of ["/a", "/b", "/c", "/d"]) wanted(path, false);
    await settle();
    expect(asked.map(({ path }) => path)).toEqual(["/a", "/b", "/c"]);
    wanted("/looked", true);
    await settle();
    expect(asked.map(({ path }) => path)).toEqual(["/a", "/b", "/c", "/looked"]);
    expect(way("/a")?.isOver).toBe(false);
  });
});

function headers(told: Record<string, string>): Headers {
  return new Headers({ "Content-Type": "image/jphc", ...told });
}

describe("what has come of an answer", () => {
  it("is thrown away when the node has another one now", () => {
    const arrival = new Arrival("x");
    arrival.begin({ status: 200, headers: headers({ ETag: '"one"', "Content-Length": "4" }) });
    arrival.add(Uint8Array.of(1, 2));
    expect(arrival.request()).toEqual({ Accept: "x", Range: "bytes=2-", "If-Range": '"one"' });
    arrival.begin({ status: 200, headers: headers({ ETag: '"two"', "Content-Length": "2" }) });
    arrival.add(Uint8Array.of(8, 9));
    expect(arrival.isWhole).toBe(true);
    expect(arrival.joined()).toEqual(Uint8Array.of(8, 9));
  });

  it("without a tag is never gone on with", () => {
    const arrival = new Arrival("x");
    arrival.begin({ status: 200, headers: headers({ "Content-Length": "4" }) });
    arrival.add(Uint8Array.of(1, 2));
    expect(arrival.lasts).toBe(false);
    expect(arrival.request()).toEqual({ Accept: "x" });
  });

  it("refuses a range that nobody asked for", () => {
    const arrival = new Arrival("x");
    expect(() => arrival.begin({ status: 206, headers: headers({ "Content-Range": "bytes 3-5/6" }) })).toThrow("another range");
  });
});

function at256(bytes: number): number {
  return (bytes * 8000) / 256_000;
}

describe("resolutions", () => {
  it("begin with what comes in a third of a second, and not where the whole soon does", () => {
    expect(coarseLevel(240_000, at256)).toBe(3);
    expect(coarseLevel(20_000, at256)).toBe(0);
  });

  it("become finer with what comes", () => {
    expect([2000, 5000, 20_000, 79_000].map((received) => levelWithin(received, 240_000))).toEqual([4, 3, 2, 1]);
    expect(levelWithin(100, 240_000)).toBe(Infinity);
    expect(levelWithin(100, 0)).toBe(Infinity);
  });
});

it("a link is measured by what comes, also where little comes in much time", () => {
  speed(100e6);
  expect(takesLong(SIZE)).toBe(false);
  for (let time = 0; time < 20; time += 1) measured(20_000, 1000);
  expect(takesLong(SIZE)).toBe(true);
});
