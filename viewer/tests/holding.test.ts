import { describe, expect, it } from "vitest";

import { Http } from "@/dicomweb/http";
import { Holding } from "@/model/holding";

describe("what a reader asks for of a study", () => {
  it("is told when it was not done, as far as the reader asked for it; and no longer once it was", async () => {
    let status = 503;
    const holding = new Holding(new Http(async () => new Response('{"state": "read", "by": "aigul"}', { status })), "1.2", "aigul");
    await holding.do("hold"); // renewed by itself: nobody waits for it
    expect(holding.refused.value).toBeUndefined();
    await holding.ask("mark_read");
    expect(holding.refused.value?.status).toBe(503);
    status = 200;
    await holding.ask("mark_read");
    expect(holding.refused.value).toBeUndefined();
    expect(holding.reading.value?.state).toBe("read");
  });
});
