import { describe, expect, test } from "vitest";

import { renewed } from "@/model/renewal";
import type { WorklistStudy } from "@/model/worklistStudy";

const study = (uid: number, rank = uid): WorklistStudy => ({ studyInstanceUid: `1.${uid}`, receivedAt: String(rank) }) as WorklistStudy;
const uids = (studies: readonly WorklistStudy[]): string[] => studies.map(({ studyInstanceUid }) => studyInstanceUid);

/** The node has `now`; the list showed the first so many of `before`. */
async function renewal(now: readonly WorklistStudy[], before: readonly WorklistStudy[], touched: readonly WorklistStudy[], options: { wanted?: number; inSight?: readonly [number, number] } = {}) {
  const asked: string[] = [];
  const found = await renewed({
    before,
    wanted: options.wanted ?? before.length,
    inSight: options.inSight ?? [0, 20],
    touched: new Set(uids(touched)),
    isOvertaken: () => false,
    fetch: async (offset, limit) => {
      asked.push(`${offset}+${limit}`);
      return { studies: now.slice(offset, offset + limit), total: now.length };
    },
  });
  return { asked, found };
}

const all = Array.from({ length: 3000 }, (_, index) => study(index));
const listed = all.slice(0, 1000);

describe("a long list", () => {
  test("of which something new stands at the beginning is fetched there and where it is looked at", async () => {
    const came = study(9999);
    const { asked, found } = await renewal([came, ...all], listed, [came], { inSight: [500, 520] });
    expect(asked).toEqual(["0+50", "500+20"]);
    expect(found?.studies).toEqual([came, ...all.slice(0, 999)]);
    expect(found?.total).toBe(3001);
  });

  test("is looked through by halves for what came in between", async () => {
    const came = study(9999);
    const { asked, found } = await renewal(all.toSpliced(700, 0, came), listed, [came]);
    expect(found?.studies).toEqual(all.toSpliced(700, 0, came).slice(0, 1000));
    expect(asked.length).toBeLessThan(10);
    expect(asked.map((one) => Number(one.split("+")[1])).reduce((sum, one) => sum + one)).toBeLessThan(150);
  });

  test("has what changed in its place, and no longer what was deleted", async () => {
    const changed = { ...study(600), numberOfInstances: 7 } as WorklistStudy;
    const { asked, found } = await renewal(all.with(600, changed).toSpliced(300, 1), listed, [study(600), study(300)]);
    expect(found?.studies).toEqual(all.with(600, changed).toSpliced(300, 1).slice(0, 1000));
    expect(asked.length).toBeLessThan(6);
  });

  test("grows by the page that is wanted next", async () => {
    const came = study(9999);
    const { asked, found } = await renewal([came, ...all], listed, [came], { wanted: 1050 });
    expect(found?.studies).toEqual([came, ...all.slice(0, 1049)]);
    expect(asked).toEqual(["0+50", "1000+50"]);
  });

  test("that ends is no longer than it is", async () => {
    const { found } = await renewal(all.slice(1, 980), all.slice(0, 980), [study(0)], { wanted: 1000 });
    expect(found?.studies).toEqual(all.slice(1, 980));
    expect((await renewal([], listed, [study(0)]))?.found?.studies).toEqual([]);
  });

  test("that is another one is given up, to be fetched whole", async () => {
    const { found } = await renewal(all.toReversed(), listed, []);
    expect(found).toBeUndefined();
  });
});

test("whatever is told, the list is the node's", async () => {
  let seed = 1;
  const random = (below: number): number => (seed = (seed * 48271) % 2147483647) % below;
  let givenUp = 0;
  for (let round = 0; round < 400; round += 1) {
    const length = 1 + random(1200);
    let now = Array.from({ length: length + random(400) }, (_, index) => study(index, 10 * index));
    const before = now.slice(0, length);
    const touched: WorklistStudy[] = [];
    for (let changes = random(6); changes >= 0; changes -= 1) {
      const at = random(Math.max(1, now.length));
      const [old] = now.slice(at, at + 1);
      const kind = random(4);
      if (kind === 0 || !old) {
        const came = study(10_000 + round * 10 + changes);
        now = now.toSpliced(random(3) === 0 ? at : 0, 0, came);
        touched.push(came);
      } else if (kind === 1) {
        now = now.toSpliced(at, 1);
        touched.push(old);
      } else {
        const next = { ...old, numberOfInstances: round } as WorklistStudy;
        touched.push(old);
        now = kind === 2 ? now.with(at, next) : now.toSpliced(at, 1).toSpliced(random(now.length), 0, next);
      }
    }
    const wanted = Math.max(50, Math.ceil(length / 50) * 50) + 50 * random(2);
    const from = random(length);
    const { found, asked } = await renewal(now, before, touched, { wanted, inSight: [from, Math.min(length, from + 20)] });
    if (!found) givenUp += 1;
    else expect(uids(found.studies), `round ${round}: ${asked.join(" ")}`).toEqual(uids(now.slice(0, wanted)));
    if (found) expect(found.studies).toEqual(now.slice(0, wanted));
  }
  expect(givenUp).toBeLessThan(80);
});
