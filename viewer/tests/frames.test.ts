import { describe, expect, it } from "vitest";

import { ReadAhead } from "@/viewport/readAhead";
import { splitPart } from "@/viewport/multipart";

const bytes = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text, "latin1"));

describe("a multipart answer", () => {
  const body = "--b\r\nContent-Type: image/jphc; transfer-syntax=1.2\r\n\r\n--b in pixels\r\n\r\n--b--\r\n";

  it("gives its part, whatever the pixels look like", () => {
    const part = splitPart('multipart/related; boundary="b"', bytes(body));
    expect(Buffer.from(part.bytes).toString()).toBe("--b in pixels\r\n");
    expect(part.contentType).toBe("image/jphc; transfer-syntax=1.2");
  });

  it("that is cut off is an error", () => {
    expect(() => splitPart("multipart/related", bytes(body.slice(0, 60)))).toThrow("not whole");
    expect(() => splitPart("multipart/related", bytes("<p>Sign in"))).toThrow("no part");
  });

  it("of one part without any is taken as it is", () => {
    expect(splitPart("image/jphc", bytes("x")).contentType).toBe("image/jphc");
  });
});

function settle(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve);
  });
}

function reader(length: number, isLong = false) {
    const [asked, givenUp, open]: [number[], number[], Map<number, (error?: Error) => void>] = [[], [], new Map()];
    const ahead = new ReadAhead(length, {
      load: (index) => {
        asked.push(index);
        return new Promise((resolve, reject) => open.set(index, (error) => (error ? reject(error) : resolve())));
      },
      giveUp: (index) => {
        givenUp.push(index);
        open.get(index)?.(new DOMException("", "AbortError"));
      },
      hasRoom: () => true,
      isLong: () => isLong,
      progress: () => {},
    });
    return { ahead, asked, givenUp, open };
}

describe("reading ahead", () => {  it("goes outward from the image looked at", async () => {
    const { ahead, asked, open } = reader(9);
    ahead.around(4);
    for (let round = 0; round < 9; round += 1) {
      for (const done of open.values()) done();
      await settle();
    }
    expect(asked).toEqual([4, 5, 3, 6, 2, 7, 1, 8, 0]);
  });

  it("gives up what is far away when the reader goes on, and comes back to it", async () => {
    const { ahead, asked, givenUp, open } = reader(100);
    ahead.around(0);
    expect(asked).toEqual([0, 1, 2]);
    ahead.around(50);
    await settle();
    expect(givenUp).toEqual([0, 1, 2]);
    expect(asked.slice(3)).toEqual([50, 51, 49]);
    for (const index of [50, 51, 49]) open.get(index)?.();
    ahead.around(1);
    await settle();
    expect(asked.slice(6)).toContain(1);
  });

  it("over a slow link has one at a time, and none before the image looked at is whole", async () => {
    const { ahead, asked, open } = reader(100, true);
    ahead.around(0);
    expect(asked).toEqual([0]);
    open.get(0)?.();
    await settle();
    expect(asked).toEqual([0, 1]);
    ahead.goTo(1); // what is on its way stays
    open.get(1)?.();
    await settle();
    expect(asked).toEqual([0, 1]);
    ahead.around(1);
    expect(asked).toEqual([0, 1, 2]);
  });

  it("over a slow link gives up whatever the reader did not go to, and begins nothing while images are scrolled past", async () => {
    const { ahead, asked, givenUp } = reader(100, true);
    ahead.around(0);
    for (let index = 1; index <= 10; index += 1) ahead.goTo(index);
    await settle();
    expect(givenUp).toContain(0);
    expect(asked).toEqual([0]);
    ahead.around(10);
    expect(asked).toEqual([0, 10]);
  });
});
