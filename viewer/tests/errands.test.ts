import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Http } from "@/dicomweb/http";
import { Holding } from "@/model/holding";
import { Errands } from "@/offline/errands";

/** The node's answers by what it is asked; undefined: it is out of reach. */
let node: (method: string, path: string, body: unknown) => { readonly status: number; readonly body: unknown } | undefined;
const told: unknown[] = [];
const http = new Http(async (path, { method = "GET", body }) => {
  const answer = node(method, path, body === undefined ? undefined : JSON.parse(String(body)));
  if (!answer) throw new TypeError("Failed to fetch");
  if (method === "POST") told.push(JSON.parse(String(body)));
  return new Response(JSON.stringify(answer.body), { status: answer.status });
});
const READ = { state: "read", by: "aigul", at: "2026-01-01T00:00:00Z", until: "" };

beforeEach(() => {
  told.length = 0;
  node = () => undefined;
  const kept = new Map<string, string>();
  vi.stubGlobal("localStorage", {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => kept.set(key, value),
    removeItem: (key: string) => kept.delete(key),
  });
});

afterEach(() => vi.unstubAllGlobals());

async function errandsOf(name: string, mayKeep = true): Promise<Errands> {
  const errands = new Errands(http, () => mayKeep);
  await errands.enter(name);
  return errands;
}

function report(id: string) {
  return { measurements: [], replaces: [{ series_instance_uid: "1.2.3", sop_instance_uid: "1.2.3.0" }], request_id: id };
}

describe("what is done without the node", () => {
  it("waits across a reload for the account that did it, and is sent once", async () => {
    const holding = new Holding(http, "1.2", "aigul", await errandsOf("aigul"));
    await holding.ask("mark_read");
    expect(holding.refused.value).toBeUndefined();
    expect(holding.waiting.value).toBe("mark_read");

    expect((await errandsOf("bakyt")).all.value).toEqual([]);
    const later = await errandsOf("aigul");
    const again = new Holding(http, "1.2", "aigul", later);
    expect(again.waiting.value).toBe("mark_read");
    await later.send();
    expect(later.waiting.value, "it is still out of reach").toHaveLength(1);
    node = () => ({ status: 503, body: {} });
    await later.send();
    expect(later.waiting.value, "it is busy").toHaveLength(1);
    later.leave();
    await later.enter("aigul");
    told.length = 0;
    node = () => ({ status: 200, body: READ });
    await Promise.all([later.send(), later.send()]);
    expect(told).toEqual([{ deed: "mark_read", seen: "" }]);
    expect(later.all.value).toEqual([]);
    expect(again.reading.value?.state).toBe("read");
    expect((await errandsOf("aigul")).all.value).toEqual([]);
  });

  it("is not sent without a pause where it alone does not get through", async () => {
    vi.useFakeTimers();
    let tries = 0;
    node = (method) => {
      if (method !== "POST") return { status: 200, body: READ };
      tries += 1;
      return undefined;
    };
    const errands = await errandsOf("aigul");
    errands.keep("1.2", "reading", { deed: "mark_read" });
    for (let answers = 0; answers < 300; answers += 1) {
      await errands.send();
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(tries, "after 0, 1, 3, 7 and 15 seconds").toBe(5);
    node = () => ({ status: 200, body: READ });
    await errands.send();
    await vi.advanceTimersByTimeAsync(30_000);
    expect(errands.all.value).toEqual([]);
    errands.leave();
    vi.useRealTimers();
  });

  it("is taken back by the opposite, and not kept where nothing may be", async () => {
    const errands = await errandsOf("aigul");
    const holding = new Holding(http, "1.2", "aigul", errands);
    await holding.ask("mark_read");
    await holding.ask("mark_unread");
    expect(errands.all.value).toEqual([]);
    expect(holding.refused.value).toBeUndefined();
    await holding.ask("take_over"); // means something else later
    expect(holding.refused.value?.status).toBe(0);

    const nowhere = new Holding(http, "1.2", "aigul", await errandsOf("aigul", false));
    await nowhere.ask("mark_read");
    expect(nowhere.refused.value?.status).toBe(0);
  });

  it("says of a report which one without an answer it replaces, and sends none that never went", async () => {
    const errands = await errandsOf("aigul");
    errands.keep("1.2", "measurements", report("lost"), { sent: true });
    errands.keep("1.2", "measurements", report("between"));
    errands.keep("1.2", "measurements", report("last"));
    const made: string[] = [];
    node = (_method, _path, body) => {
      const { request_id: id, replaces } = body as ReturnType<typeof report>;
      made.push(`${id} replaces ${replaces.map(({ sop_instance_uid: uid }) => uid).join(" ")}`);
      return made.length === 2 ? undefined : { status: 200, body: { series_instance_uid: "1.2.3", sop_instance_uid: `1.2.3.${id}` } };
    };
    await errands.send();
    const after = await errandsOf("aigul");
    await after.send();
    expect(made).toEqual(["lost replaces 1.2.3.0", "last replaces 1.2.3.0 1.2.3.lost", "last replaces 1.2.3.0 1.2.3.lost"]);
    expect(after.all.value).toEqual([]);
  });

  it("waits beside others of its kind where each is an object of its own", async () => {
    const errands = await errandsOf("aigul");
    for (const subject of ["a", "b", "a"]) errands.keep("1.2", "presentation-states", { request_id: subject }, { subject, sent: true });
    node = () => ({ status: 200, body: {} });
    await errands.send();
    expect(told).toEqual([{ request_id: "b" }, { request_id: "a" }]);
  });

  it("is told when the node refuses it: who was quicker", async () => {
    const errands = await errandsOf("aigul");
    errands.keep("1.2", "reading", { deed: "mark_read", seen: "" });
    errands.keep("1.3", "measurements", { measurements: [] }, { shown: [{ uid: "2.25.1" }] });
    node = (method) => (method === "POST" ? { status: 409, body: { error: "" } } : { status: 200, body: { ...READ, by: "bakyt" } });
    await errands.send();
    const after = (await errandsOf("aigul")).refused.value;
    expect(after.map(({ studyInstanceUid, refusal, shown }) => [studyInstanceUid, refusal?.by, shown])).toEqual([
      ["1.2", "bakyt", []],
      ["1.3", "", [{ uid: "2.25.1" }]],
    ]);
    told.length = 0;
    await errands.send();
    expect(told, "a refusal is not asked for again").toEqual([]);
  });
});
