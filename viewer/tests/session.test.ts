import { describe, expect, it } from "vitest";

import { Http } from "@/dicomweb/http";
import { Session } from "@/model/session";

function answer(status: number, body: unknown): Promise<Response> {
  return Promise.resolve(new Response(JSON.stringify(body), { status }));
}

const ROLES = { technologist: true, clinician: true, admin: true };

/** A node that knows whoever signs in, until `ended`. */
function node() {
  const its = { ended: false };
  const http = new Http((_, init) => {
    if (init?.method === "DELETE") return answer(200, {});
    if (init?.method !== "POST") return answer(200, its.ended ? { user: null } : {});
    its.ended = false;
    const { name } = JSON.parse(String(init.body)) as { name: string };
    return answer(200, { user: { name, roles: [name in ROLES ? name : "radiologist"] }, version: "1" });
  });
  return { its, session: new Session(http) };
}

describe("Session", () => {
  it("that ends by itself keeps the place for the same reader, and for nobody else", async () => {
    const { its, session } = node();
    let forgotten = 0;
    session.forget = () => (forgotten += 1);
    await session.signIn("aigul", "x");
    its.ended = true;
    await session.check();
    expect(session.isOpen.value).toBe(false);
    expect(session.isInterrupted.value).toBe(true);
    expect(session.userName).toBe("aigul");
    await session.signIn("aigul", "x");
    expect([session.sitting.value, forgotten]).toEqual([0, 0]);
    its.ended = true;
    await session.check();
    await session.signIn("bolot", "x");
    expect([session.sitting.value, forgotten]).toEqual([1, 1]);
    expect(session.userName).toBe("bolot");
  });

  it("that its reader ends leaves nothing", async () => {
    const { session } = node();
    let forgotten = 0;
    session.forget = () => (forgotten += 1);
    await session.signIn("aigul", "x");
    await session.signOut();
    expect(session.isInterrupted.value).toBe(false);
    expect([session.sitting.value, forgotten, session.userName]).toEqual([1, 1, ""]);
  });

  it("offers to reject, and to delete, to whom the node lets", async () => {
    const { session } = node();
    const offered: Record<string, readonly boolean[]> = {};
    for (const role of ["clinician", "technologist", "radiologist", "admin"]) {
      await session.signIn(role, "x");
      offered[role] = [session.rejects.value, session.deletes.value];
    }
    expect(offered).toEqual({ clinician: [false, false], technologist: [true, false], radiologist: [true, false], admin: [true, true] });
  });
});
