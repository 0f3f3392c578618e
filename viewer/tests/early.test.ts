import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { earlyAnswer, firstPicturePath, SESSION_PATH } from "@/early/answers";
import { beginEarly } from "@/early/begin";

const FILES = { study: ["/assets/study.js", "/assets/study.css"], languages: { en: ["/assets/en.js"], ky: ["/assets/ky.js"] } };

const asked: string[] = [];
let links: { rel?: string; href?: string }[] = [];
let status = 200;
let left: string | null = null;

beforeEach(() => {
  asked.length = 0;
  links = [];
  status = 200;
  left = null;
  globalThis.suretEarly = undefined;
  vi.stubGlobal("screen", { width: 1440, height: 900 });
  vi.stubGlobal("devicePixelRatio", 1);
  vi.stubGlobal("navigator", { languages: ["fr-FR", "ky-KG", "en"] });
  vi.stubGlobal("localStorage", { getItem: (name: string) => (name === "suret.left" ? left : null) });
  vi.stubGlobal("document", { createElement: () => ({}), head: { append: (link: object) => links.push(link) } });
  vi.stubGlobal("fetch", async (path: string) => {
    asked.push(path);
    return new Response("picture", { status });
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("what is asked for before the page's own script is here", () => {
  it("is who is here, the picture of the study in the address, its screen and the reader's language", async () => {
    beginEarly("#/study/1.2.3", FILES);
    expect(asked).toEqual([firstPicturePath("1.2.3"), SESSION_PATH]);
    expect(links.map(({ rel, href }) => `${rel} ${href}`)).toEqual([
      "modulepreload /assets/study.js",
      "preload /assets/study.css",
      "modulepreload /assets/ky.js",
    ]);
    expect(await earlyAnswer(firstPicturePath("1.2.4"))).toBeUndefined();
    expect(await (await earlyAnswer(firstPicturePath("1.2.3")))?.text()).toBe("picture");
    expect(await earlyAnswer(firstPicturePath("1.2.3"))).toBeUndefined(); // once
  });

  it("is who is here and the language where no study is opened", () => {
    beginEarly("#/", FILES);
    expect(asked).toEqual([SESSION_PATH]);
    expect(links.map(({ href }) => href)).toEqual(["/assets/ky.js"]);
  });

  it("is not who is here where that session has to be ended first", () => {
    left = "1";
    beginEarly("#/", FILES);
    expect(asked).toEqual([]);
  });

  it("is asked for again where the first answer was a refusal: nobody was signed in then", async () => {
    status = 401;
    beginEarly("#/study/1.2.3", FILES);
    expect(await earlyAnswer(firstPicturePath("1.2.3"))).toBeUndefined();
  });

  it("is given up by who waits for it no longer", async () => {
    vi.stubGlobal("fetch", () => new Promise(() => {}));
    beginEarly("#/", FILES);
    const patience = new AbortController();
    const answer = earlyAnswer(SESSION_PATH, patience.signal);
    patience.abort(new DOMException("", "TimeoutError"));
    await expect(answer).rejects.toThrow(expect.objectContaining({ name: "TimeoutError" }));
  });
});
