import { expect, test } from "vitest";

import { Http } from "@/dicomweb/http";
import { Deletions } from "@/model/deletions";

const KEPT = { id: "d1", study_instance_uid: "1.1", reason: "wrong patient", principal_name: "admin", instances: 3, at: "2026-03-01T10:00:00Z", undo_until: null };

test("studies are deleted one by one with the reason, and a refusal is told with what went before it", async () => {
  const asked: string[] = [];
  const http = new Http(async (address, init) => {
    asked.push(`${init?.method ?? "GET"} ${String(address)}`);
    if (String(address).includes("1.2")) return Response.json({ error: "held", hint: "release it" }, { status: 409 });
    return init?.method === "DELETE" ? new Response(null, { status: 204 }) : Response.json({ deletions: [KEPT] });
  });
  const deletions = new Deletions(http);
  expect(await deletions.delete(["1.1", "1.2", "1.3"], "wrong patient")).toEqual(["1.1"]);
  expect(asked).toEqual([
    "DELETE /dicom-web/studies/1.1?reason=wrong+patient",
    "DELETE /dicom-web/studies/1.2?reason=wrong+patient",
    "GET /api/deletions",
  ]);
  expect(deletions.failure.value?.status).toBe(409);
  expect(deletions.open.value).toEqual([
    { id: "d1", studyInstanceUid: "1.1", seriesInstanceUid: "", sopInstanceUid: "", isRejection: false, code: "", reason: "wrong patient", by: "admin", instances: 3, at: "2026-03-01T10:00:00Z", undoUntil: "" },
  ]);
  await deletions.restore("d1");
  expect(asked.at(-2)).toBe("POST /api/deletions/d1/restore");
});

test("an image is rejected in its study, and who may not delete is offered what was rejected alone", async () => {
  const sent: unknown[] = [];
  const rejected = { ...KEPT, id: "d2", kind: "rejected", code: "113001", series_instance_uid: "1.1.1", sop_instance_uid: "1.1.1.1" };
  const http = new Http(async (address, init) => {
    if (init?.method === "POST") sent.push([address, JSON.parse(String(init.body))]);
    else sent.push(address);
    return Response.json({ deletions: [rejected, { ...KEPT, kind: "deleted" }], undo_days: 30, rejected_days: null });
  });
  const deletions = new Deletions(http, "1.1", false);
  expect(await deletions.reject({ studyInstanceUid: "1.1", seriesInstanceUid: "1.1.1", sopInstanceUid: "1.1.1.1" }, "113001")).toBe(true);
  expect(sent).toEqual([
    ["/api/rejections", { study_instance_uid: "1.1", series_instance_uid: "1.1.1", sop_instance_uid: "1.1.1.1", code: "113001" }],
    "/api/deletions?study=1.1",
  ]);
  expect(deletions.open.value.map(({ id, code }) => [id, code])).toEqual([["d2", "113001"]]);
  const now = new Date("2026-03-01T10:00:00Z");
  expect(deletions.keptUntil("113001", now)).toBe(""); // until somebody has it erased
  expect(deletions.keptUntil("113039", now)).toBe("2026-03-31T10:00:00.000Z");
});
