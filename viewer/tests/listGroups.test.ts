import { describe, expect, it } from "vitest";

import { dateParts } from "@/i18n/format";
import { daysBack, groupsOf, midnight } from "@/model/listGroups";
import { BY_ARRIVAL, NO_FILTER, sortFrom } from "@/model/listView";
import { worklistPath } from "@/model/worklist";
import { worklistStudy, type WorklistStudy } from "@/model/worklistStudy";

function study(uid: string, date: string, priority = "routine", received = "2026-11-29T06:00:00Z"): WorklistStudy {
  return worklistStudy({ study_instance_uid: uid, study_date: date, priority, received_at: received });
}

function asked(...of: Parameters<typeof worklistPath>): URLSearchParams {
  return new URL(worklistPath(...of), "http://node").searchParams;
}

const LIST = [study("1", "20200101", "critical"), study("2", "20261129"), study("3", "20261129"), study("4", "2026.11.28"), study("5", ""), study("6", "20261129", "low")];

describe("what stands together", () => {
  it("by date: raised ones, days, those without a date, low ones", () => {
    const told = groupsOf(LIST, undefined).map(({ kind, studies }) => [kind, studies.map(({ studyInstanceUid }) => studyInstanceUid).join()]);
    expect(told).toEqual([
      [{ priority: "critical" }, "1"],
      [{ day: "20261129", arrived: false }, "2,3"],
      [{ day: "20261128", arrived: false }, "4"],
      [{ day: "", arrived: false }, "5"],
      [{ priority: "low" }, "6"],
    ]);
  });

  it("by arrival: the day on which it came here", () => {
    const [day] = groupsOf([study("1", "20200101", "routine", "2026-11-29T12:00:00")], BY_ARRIVAL);
    expect(day?.kind).toEqual({ day: "20261129", arrived: true });
    expect(sortFrom(JSON.parse(JSON.stringify(BY_ARRIVAL)))).toEqual(BY_ARRIVAL);
  });

  it("by another column: everything, under no heading", () => {
    expect(groupsOf(LIST, { by: "images", descending: true })).toEqual([{ key: "", kind: undefined, studies: LIST }]);
    expect(groupsOf([], undefined)).toEqual([]);
  });
});

describe("a day", () => {
  it("is so far back, across months and the change of clocks", () => {
    const now = new Date(2026, 2, 30, 0, 30);
    expect(["20260330", "20260329", "20260228", "20260331", "x"].map((da) => daysBack(da, now))).toEqual([0, 1, 30, -1, undefined]);
  });

  it("begins here, and the node is told where that is", () => {
    const now = new Date(2026, 10, 29, 15, 4);
    expect(midnight(now)).toMatch(/^2026-11-29T00:00:00[+-]\d\d:\d\d$/);
    expect(new Date(midnight(now)).getTime()).toBe(new Date(2026, 10, 29).getTime());
  });

  it("has a weekday, where it is one", () => {
    expect(dateParts("20261129")).toEqual({ year: "2026", month: 10, day: "29", weekday: 0 });
    expect(["20260230", "", "00000000", "2026"].map(dateParts)).toEqual([undefined, undefined, undefined, undefined]);
  });
});

describe("what the node is asked", () => {
  it("is what came late where the list is by date and nobody is looked for", () => {
    expect(asked(NO_FILTER, 0).get("since")).toBe(midnight(new Date()));
    expect(asked(NO_FILTER, 50).has("since")).toBe(false);
    expect(asked({ ...NO_FILTER, search: "anna" }, 0).has("since")).toBe(false);
    expect(asked(NO_FILTER, 0, BY_ARRIVAL).get("sort")).toBe("arrival");
  });
});
