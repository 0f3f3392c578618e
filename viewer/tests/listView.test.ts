import { describe, expect, it } from "vitest";

import { formatDate } from "@/i18n/format";
import { activeKinds, columnsFrom, dates, filterFrom, isEmpty, nextSort, NO_FILTER, searchesFrom, sortFrom } from "@/model/listView";
import { worklistPath } from "@/model/worklist";

describe("the order of the list", () => {
  it("goes one way, the other, and back to its own", () => {
    const first = nextSort(undefined, "patient");
    expect(first).toEqual({ by: "patient", descending: false });
    const second = nextSort(first, "patient");
    expect(second).toEqual({ by: "patient", descending: true });
    expect(nextSort(second, "patient")).toBeUndefined();
    expect(nextSort(first, "date")).toEqual({ by: "date", descending: true });
  });
});

describe("what is asked of the node", () => {
  it("has the bounds that are meant now", () => {
    expect(dates({ ...NO_FILTER, days: 0 }).from).toBe(dates({ ...NO_FILTER, from: "19990101", days: 0 }).from);
    expect(dates({ ...NO_FILTER, from: "20260102", to: "20260103" })).toEqual({ from: "20260102", to: "20260103" });
  });

  it("says the order and the state of reading", () => {
    const path = worklistPath({ ...NO_FILTER, unread: true, modalities: ["CT", "MR"] }, 50, { by: "date", descending: true });
    expect(Object.fromEntries(new URL(path, "http://node").searchParams)).toEqual({
      modality: "CT,MR",
      read: "false",
      sort: "-date",
      limit: "50",
      offset: "50",
    });
  });
});

describe("what was kept", () => {
  it("comes back as it was", () => {
    const filter = { search: "ab", modalities: ["CT"], from: "", to: "", days: 6, unread: true };
    const saved = [{ name: "mine", filter, sort: { by: "images" as const, descending: true } }];
    expect(searchesFrom(JSON.parse(JSON.stringify(saved)))).toEqual(saved);
  });

  it("of another page, or spoilt, is left out", () => {
    expect(isEmpty(filterFrom({ from: "soon", days: "7", unread: "yes", modalities: 5 }))).toBe(true);
    expect(sortFrom({ by: "shoe size", descending: true })).toBeUndefined();
    expect(columnsFrom(["date", "horoscope", "patient"])).toEqual(["patient", "date"]);
    expect(columnsFrom(["horoscope"])).toBeUndefined();
    expect(searchesFrom([{ name: "" }, 7, null])).toEqual([]);
  });
});

describe("a date that nobody knew", () => {
  it("is written as nothing", () => {
    expect(formatDate("00000000")).toBe("");
    expect(formatDate("20260304")).toBe("04.03.2026");
  });

  it("counts what is folded away on a phone: kinds of filters, not what is searched for", () => {
    expect(activeKinds({ ...NO_FILTER, search: "ivanov" })).toBe(0);
    expect(activeKinds({ ...NO_FILTER, modalities: ["CT", "MR"], days: 0 })).toBe(2);
    expect(activeKinds({ ...NO_FILTER, from: "20260101", to: "20260102", unread: true })).toBe(2);
  });
});
