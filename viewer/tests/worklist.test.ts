import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Http } from "@/dicomweb/http";
import { Worklist } from "@/model/worklist";

/** A node with so many studies that takes its time to list them, and what it was asked for. */
function list(studies: number, takesMs: number) {
  const asked: string[] = [];
  let first = 1000;
  const http = new Http(async (address, init) => {
    const url = new URL(String(address), "http://node");
    const [limit, offset] = ["limit", "offset"].map((name) => Number(url.searchParams.get(name)));
    asked.push(`${offset}+${limit}`);
    await new Promise<void>((resolve, reject) => {
      setTimeout(resolve, takesMs);
      init?.signal?.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
    });
    const rows = Array.from({ length: Math.min(limit ?? 0, studies - (offset ?? 0)) }, (_, index) => ({ study_instance_uid: `1.2.${first + (offset ?? 0) + index}` }));
    return Response.json({ studies: rows, total: studies + 1000 - first });
  });
  return { worklist: new Worklist(http), asked, came: () => void (first -= 1) };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("of a long list the next page alone is fetched, and all of it by large pages where it may have changed", async () => {
  const { worklist, asked, came } = list(1000, 1);
  const close = worklist.open();
  await vi.advanceTimersByTimeAsync(500);
  for (let pages = 0; pages < 4; pages += 1) {
    worklist.more();
    await vi.advanceTimersByTimeAsync(500);
  }
  expect(worklist.studies.value).toHaveLength(250);
  expect(asked).toEqual(["0+50", "50+50", "100+50", "150+50", "200+50"]);
  worklist.refresh();
  await vi.advanceTimersByTimeAsync(500);
  expect(asked.splice(0).slice(-2)).toEqual(["0+200", "200+50"]);
  came();
  worklist.more();
  await vi.advanceTimersByTimeAsync(500);
  expect(asked, "the pages do not meet any more").toEqual(["250+50", "0+200", "200+100"]);
  expect(worklist.studies.value.map(({ studyInstanceUid }) => studyInstanceUid).slice(0, 2)).toEqual(["1.2.999", "1.2.1000"]);
  expect(new Set(worklist.studies.value).size).toBe(300);
  asked.length = 0;
  worklist.inSight = () => [210, 225];
  came();
  worklist.touched("1.2.998");
  await vi.advanceTimersByTimeAsync(500);
  expect(asked, "news of one study").toEqual(["0+50", "210+15"]);
  expect(worklist.studies.value.map(({ studyInstanceUid }) => studyInstanceUid)).toEqual(Array.from({ length: 300 }, (_, index) => `1.2.${998 + index}`));
  expect([...worklist.fresh.value]).toEqual(["1.2.998"]);
  close();
});

test("news on end do not keep a list from being whole, and are shown afterwards", async () => {
  const { worklist, asked } = list(100, 2000);
  const close = worklist.open();
  for (let news = 0; news < 50; news += 1) {
    worklist.touched("1.2.3");
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(worklist.studies.value).toHaveLength(50);
  await vi.advanceTimersByTimeAsync(10_000);
  const count = asked.length;
  expect(count, "once more, for what was told meanwhile").toBeGreaterThan(2);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked, "and then no more").toHaveLength(count);
  worklist.refresh();
  await vi.advanceTimersByTimeAsync(100);
  expect(worklist.loading.value).toBe(true);
  worklist.more();
  await vi.advanceTimersByTimeAsync(2100);
  expect(worklist.studies.value, "asked for while the list is fetched").toHaveLength(100);
  close();
});
