import { expect, test } from "vitest";

import type { Dataset } from "@/dicomweb/json";
import { inReadingOrder } from "@/model/remarks";

function report(uid: string, time: string, replaced?: string): Dataset {
  const reference = { "00081155": { vr: "UI", Value: [replaced] } };
  return {
    "00080016": { vr: "UI", Value: ["1.2.840.10008.5.1.4.1.1.88.34"] },
    "00080018": { vr: "UI", Value: [uid] },
    "00080023": { vr: "DA", Value: ["20260301"] },
    "00080033": { vr: "TM", Value: [time] },
    "00080070": { vr: "LO", Value: ["Suret"] },
    "0040A730": { vr: "SQ", Value: [{}] },
    ...(replaced && { "0040A360": { vr: "SQ", Value: [{ "00081115": { vr: "SQ", Value: [{ "00081199": { vr: "SQ", Value: [reference] } }] } }] } }),
  };
}

test("reports stand newest first, and those whose place another took are earlier ones", () => {
  const [first, second, other] = [report("1", "100000"), report("2", "120000", "1"), report("3", "110000")];
  expect(inReadingOrder([first, second, other])).toEqual({ others: [second, other, first], earlier: new Set([first]) });
});

test("other objects keep the order of their series", () => {
  const pdf: Dataset = { "00080018": { vr: "UI", Value: ["4"] } };
  expect(inReadingOrder([pdf, report("1", "100000")]).others[0]).toBe(pdf);
});
