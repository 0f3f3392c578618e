/** How much of an import is told to have gone, when the connection goes. */

import { afterEach, expect, test, vi } from "vitest";

import type { Batch } from "@/importing/batches";
import { Upload } from "@/importing/upload";

const BODY = new Blob(["x".repeat(1000)]);

/** A network that begins an upload, takes 400 bytes of it and breaks; like Chromium it says then that all of it has gone. */
class Breaking extends EventTarget {
  readonly upload = new EventTarget();
  status = 0;
  responseText = "";
  private method = "";

  open(method: string): void {
    this.method = method;
  }

  setRequestHeader(): void {}

  getAllResponseHeaders(): string {
    return "Location: /api/uploads/1\r\n";
  }

  abort(): void {}

  send(): void {
    queueMicrotask(() => {
      if (this.method === "POST") {
        this.status = 201;
        this.dispatchEvent(new Event("load"));
        return;
      }
      for (const loaded of [400, BODY.size]) this.upload.dispatchEvent(Object.assign(new Event("progress"), { loaded }));
      this.dispatchEvent(new Event("error"));
    });
  }
}

afterEach(() => vi.unstubAllGlobals());

test("what a broken connection claims to have sent is not told", async () => {
  vi.stubGlobal("XMLHttpRequest", Breaking);
  vi.stubGlobal("addEventListener", () => {}); // for "online", which never comes
  vi.stubGlobal("removeEventListener", () => {});
  const abort = new AbortController();
  const batch: Batch = { members: [], body: BODY, contentType: "application/zip" };
  const upload = new Upload(batch, "");
  const run = upload.run(abort.signal);
  await vi.waitFor(() => expect(upload.state.value).toBe("offline"));
  expect(upload.sent.value).toBe(400);
  abort.abort();
  await expect(run).rejects.toHaveProperty("name", "AbortError");
});
