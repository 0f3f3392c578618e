import { describe, expect, it } from "vitest";

import { Http } from "@/dicomweb/http";
import { Urgency, type Raised } from "@/model/urgency";

const RAISED: Raised = { studyInstanceUid: "1.2", priority: "critical", prioritySource: "Reader 1.0", reason: { en: "Bleeding suspected" } };
const ROW = { study_instance_uid: "1.2", priority: "critical", priority_source: "Reader 1.0", reason: { en: "Bleeding suspected" } };

function made(listed: readonly Raised[], rows: readonly object[] = []) {
  const asked: string[] = [];
  const http = new Http(async (request) => {
    asked.push(String(request));
    return new Response(JSON.stringify({ studies: rows, total: rows.length }), { headers: { "content-type": "application/json" } });
  });
  return { urgency: new Urgency(http, () => listed), asked, stop: new AbortController() };
}

describe("what AI said of the open study", () => {
  it("is what its row in the list says, without asking", async () => {
    const { urgency, asked, stop } = made([RAISED]);
    await urgency.look("1.2", stop.signal);
    expect(urgency.raised.value).toBe(RAISED);
    expect(asked).toEqual([]);
  });

  it("is asked of the node where the list has no such row, and of no other study of the patient", async () => {
    const { urgency, asked, stop } = made([], [{ ...ROW, study_instance_uid: "1.3", priority_source: "Other" }, ROW]);
    await urgency.look("1.2", stop.signal);
    expect(urgency.raised.value?.prioritySource).toBe("Reader 1.0");
    expect(asked).toEqual([expect.stringContaining("patient_of=1.2")]);
  });

  it("is nothing where nobody raised it, even when the study before was raised", async () => {
    const { urgency, stop } = made([RAISED, { ...RAISED, studyInstanceUid: "1.4", prioritySource: "" }]);
    await urgency.look("1.2", stop.signal);
    await urgency.look("1.4", stop.signal);
    expect(urgency.raised.value).toBeUndefined();
  });

  it("is asked again when something has happened to the study, and not told of one that was left meanwhile", async () => {
    const { urgency, asked, stop } = made([{ ...RAISED, prioritySource: "" }], [ROW]);
    await urgency.look("1.2", stop.signal);
    expect(urgency.raised.value).toBeUndefined();
    await urgency.look("1.2", stop.signal, true);
    expect(urgency.raised.value?.reason).toEqual({ en: "Bleeding suspected" });
    expect(asked).toHaveLength(1);

    const left = made([], [ROW]);
    left.stop.abort();
    await left.urgency.look("1.2", left.stop.signal);
    expect(left.urgency.raised.value).toBeUndefined();
  });
});
