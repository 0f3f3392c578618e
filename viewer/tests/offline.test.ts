import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { Failure, Http } from "@/dicomweb/http";
import { copyOf, keepWith, keyOf, reach, reachable, studyOf, takeOutage, type Copy, type Keeper } from "@/dicomweb/reach";
import { NO_FILTER } from "@/model/listView";
import { Session } from "@/model/session";
import { isLookedFor } from "@/model/worklist";
import { worklistStudy } from "@/model/worklistStudy";
import { bytesMax, BYTES_MAX, leaving, remaining, STUDIES_MAX, type Account } from "@/offline/rules";
import { rowOf } from "@/offline/row";

const METADATA = "/dicom-web/studies/1.2.3/series/1.2.4/metadata";
const DICOM_JSON = { headers: { Accept: "application/dicom+json" } };

/** A device that keeps whatever it is given. */
class Shelf implements Keeper {
  readonly kept = new Map<string, Copy>();
  heardTimes = 0;

  async find(key: string): Promise<Copy | undefined> {
    return this.kept.get(key);
  }

  keep(_study: string, key: string, copy: Copy): void {
    this.kept.set(key, copy);
  }

  heard(): void {
    this.heardTimes += 1;
  }
}

/** The network: answers as told, or is none. */
let network: (path: string, init?: RequestInit) => Response | undefined;
const asked: string[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  asked.length = 0;
  network = () => new Response("from the node");
  vi.stubGlobal("fetch", async (path: string, init?: RequestInit) => {
    asked.push(`${init?.method ?? "GET"} ${path}`);
    const answer = network(path, init);
    if (!answer) throw new TypeError("Failed to fetch");
    return answer;
  });
});

afterEach(async () => {
  network = () => new Response("");
  await vi.advanceTimersByTimeAsync(60_000); // whoever looks for the node finds it
  keepWith(undefined);
  takeOutage();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("reach", () => {
  it("gives what was kept only while the node is out of reach, and looks for it", async () => {
    const shelf = new Shelf();
    keepWith(shelf);
    expect(await (await reach(METADATA, DICOM_JSON)).text()).toBe("from the node");
    await vi.advanceTimersByTimeAsync(0);
    expect([...shelf.kept.keys()]).toEqual([keyOf(METADATA, "application/dicom+json")]);

    network = () => new Response("newer");
    expect(await (await reach(METADATA, DICOM_JSON)).text(), "an answer is never passed over for a copy").toBe("newer");
    await vi.advanceTimersByTimeAsync(0);

    network = () => undefined;
    expect(await (await reach(METADATA, DICOM_JSON)).text()).toBe("newer");
    expect(reachable.peek()).toBe(false);
    expect(takeOutage()).toBe(true);
    await expect(reach("/api/worklist")).rejects.toThrow(TypeError);

    network = (path) => new Response(path === "/livez" ? "" : "newest");
    await vi.advanceTimersByTimeAsync(20_000);
    expect(reachable.peek()).toBe(true);
    expect(await (await reach(METADATA, DICOM_JSON)).text()).toBe("newest");
    expect(await copyOf(keyOf(METADATA, "application/dicom+json"))).toBeUndefined();
  });

  it("takes a proxy's word for it that the node is not there, and no refusal", async () => {
    const shelf = new Shelf();
    keepWith(shelf);
    shelf.kept.set(keyOf(METADATA, "application/dicom+json"), { bytes: new TextEncoder().encode("kept"), type: "application/dicom+json", note: "" });
    network = () => new Response("bad gateway", { status: 502 });
    expect(await (await reach(METADATA, DICOM_JSON)).text()).toBe("kept");
    network = () => new Response("");
    await vi.advanceTimersByTimeAsync(20_000);
    for (const status of [401, 403, 404, 503]) {
      network = () => new Response("{}", { status });
      expect((await reach(METADATA, DICOM_JSON)).status).toBe(status);
    }
    network = () => Response.json({ user: null });
    expect((await reach("/api/session")).status).toBe(200);
    expect(shelf.kept.size, "a refusal is not kept").toBe(1);
    expect(shelf.heardTimes, "neither is a refusal a word for who is signed in").toBe(0);
  });

  it("gives up nothing that its reader left", async () => {
    const left = new AbortController();
    left.abort();
    vi.stubGlobal("fetch", async () => Promise.reject(left.signal.reason));
    await expect(reach(METADATA, { signal: left.signal })).rejects.toThrow(/abort/i);
    expect(reachable.peek()).toBe(true);
  });

  it("keeps what is of one study, and nothing of searches and deeds", () => {
    expect(studyOf(METADATA)).toBe("1.2.3");
    expect(studyOf("/dicom-web/studies?StudyInstanceUID=1.2.3&includefield=PatientName")).toBe("1.2.3");
    expect(studyOf("/api/studies/1.2.3/first-picture?viewport=768,768&quality=70")).toBe("1.2.3");
    for (const path of ["/dicom-web/studies?StudyInstanceUID=1.2", "/dicom-web/studies?StudyInstanceUID=1.2,1.3", "/dicom-web/studies?PatientID=7", "/api/studies/1.2.3/reading", "/api/worklist?limit=50"]) {
      expect(studyOf(path), path).toBeUndefined();
    }
  });
});

describe("how long copies are shown", () => {
  const minutes = 60_000;
  const account: Account = { name: "aigul", roles: [], version: "", unusedS: 1800, longestS: 12 * 3600, heardAt: 1e12, usedAt: 1e12, cursor: 0 };

  it("is a session's time where others may sit down, the site's on one's own device", () => {
    expect(remaining(account, "shared", 1e12 + 29 * minutes)).toBe(minutes);
    expect(remaining(account, "shared", 1e12 + 31 * minutes)).toBe(0);
    expect(remaining(account, "own", 1e12 + 31 * minutes)).toBeGreaterThan(11 * 60 * minutes);
    expect(remaining(account, "own", 1e12 + 721 * minutes)).toBe(0);
    expect(remaining(account, "none", 1e12)).toBe(0);
  });

  it("goes on while somebody reads, but not for ever", () => {
    const used = { ...account, usedAt: 1e12 + 25 * minutes };
    expect(remaining(used, "shared", 1e12 + 31 * minutes)).toBe(24 * minutes);
    expect(remaining({ ...account, usedAt: 1e12 + 719 * minutes }, "shared", 1e12 + 721 * minutes)).toBe(0);
  });

  it("is over when the clock was put back", () => {
    expect(remaining(account, "own", 1e12 - 2 * minutes)).toBe(0);
  });
});

function kept(studyInstanceUid: string, openedAt: number, bytes: number) {
  return { studyInstanceUid, openedAt, bytes };
}

describe("room on the device", () => {
  it("is made by those opened longest ago, never by the one being read", () => {
    const studies = [kept("old", 1, 40), kept("older", 0, 40), kept("now", 2, 10)];
    expect(leaving(studies, "now", 10, 100)).toEqual([]);
    expect(leaving(studies, "now", 20, 100)).toEqual(["older"]);
    expect(leaving(studies, "now", 85, 100)).toEqual(["older", "old"]);
    expect(leaving(studies, "now", 95, 100)).toBeUndefined();
  });

  it("has a number of studies, too, and a share of what the browser has", () => {
    const many = Array.from({ length: STUDIES_MAX + 1 }, (_, index) => kept(String(index), index, 1));
    expect(leaving(many, "20", 1, 1000)).toEqual(["0"]);
    expect(bytesMax(100)).toBe(20);
    expect(bytesMax(1e15)).toBe(BYTES_MAX);
    expect(bytesMax(undefined)).toBe(0);
  });
});

describe("the session without the node", () => {
  const kept = new Map<string, string>();
  const aigul = { name: "aigul", roles: ["radiologist"], version: "1" };

  beforeEach(() => {
    kept.clear();
    vi.stubGlobal("localStorage", {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => kept.set(key, value),
      removeItem: (key: string) => kept.delete(key),
    });
  });

  it("is that of whoever has copies here, until the node says who is", async () => {
    network = () => undefined;
    const session = new Session(new Http(), async () => aigul);
    await session.resume();
    expect(session.state.peek()).toMatchObject({ kind: "signed-in", user: { name: "aigul" }, allowance: undefined });
    network = () => Response.json({ user: null });
    await session.resume();
    expect(session.state.peek()).toEqual({ kind: "signed-out", ended: true });
  });

  it("is nobody's where nobody has copies", async () => {
    network = () => undefined;
    const session = new Session(new Http());
    await session.resume();
    expect(session.state.peek().kind).toBe("unreachable");
  });

  it("is left as another's when the node says that it is", async () => {
    network = () => undefined;
    const session = new Session(new Http(), async () => aigul);
    await session.resume();
    const forgotten = vi.fn<() => void>();
    session.forget = forgotten;
    network = () => Response.json({ user: { name: "bakyt", roles: [] }, version: "1", offline: { unused_s: 1800, longest_s: 43200 } });
    await session.resume();
    expect([forgotten.mock.calls.length, session.sitting.peek()]).toEqual([1, 1]);
    expect(session.userName).toBe("bakyt");
    expect(session.state.peek()).toMatchObject({ allowance: { unusedS: 1800, longestS: 43200 } });
  });

  it("that was left without the node is ended there before anything else is asked", async () => {
    network = () => undefined;
    const session = new Session(new Http(), async () => aigul);
    await session.resume();
    await session.signOut();
    expect(session.state.peek().kind).toBe("signed-out");
    asked.length = 0;
    network = (_path, init) => (init?.method === "DELETE" ? new Response(null, { status: 204 }) : Response.json({ user: null }));
    await new Session(new Http(), async () => undefined).resume();
    expect(asked.filter((one) => one.includes("/api/session"))).toEqual(["DELETE /api/session", "GET /api/session"]);
    expect(kept.size).toBe(0);
  });
});

describe("the list on the device", () => {
  const study = worklistStudy({ study_instance_uid: "1.2.3", patient_name: "Асанова^Айгүл", patient_id: "KG-7", study_date: "20260301", modalities: ["CT"] });

  it("is searched and filtered like the node's", () => {
    expect(isLookedFor(study, NO_FILTER)).toBe(true);
    expect(isLookedFor(study, { ...NO_FILTER, search: "айгүл kg-" })).toBe(true);
    expect(isLookedFor(study, { ...NO_FILTER, search: "айгүл kg-8" })).toBe(false);
    expect(isLookedFor(study, { ...NO_FILTER, modalities: ["MR"] })).toBe(false);
    expect(isLookedFor(study, { ...NO_FILTER, from: "20260302" })).toBe(false);
  });

  it("shows what the study says, and of the worklist's row what only that knew", () => {
    const dataset = { "00100010": { vr: "PN", Value: [{ Alphabetic: "Corrected^Name" }] } };
    const series = { studyInstanceUid: "1.2.3", seriesInstanceUid: "1.2.4", modality: "CT", description: "", bodyPart: "", seriesNumber: 1, numberOfInstances: 12 };
    const row = rowOf(dataset, [series], [{ ...study, priority: "stat" }]);
    expect(row).toMatchObject({ patientName: "Corrected Name", priority: "stat", numberOfInstances: 12, modalities: ["CT"] });
    expect(rowOf(dataset, [], [])).toBeUndefined();
  });
});

describe("failures", () => {
  it("of a network that said nothing in time are the node's absence", async () => {
    vi.stubGlobal("fetch", async () => Promise.reject(new DOMException("", "TimeoutError")));
    await expect(new Http().json("/api/session")).rejects.toBeInstanceOf(Failure);
    expect(reachable.peek()).toBe(false);
  });
});
