import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { beginEarly, earlyAnswer, firstPicturePath } from "@/early";

const FILES = { study: ["/assets/study.js", "/assets/study.css"], languages: { en: ["/assets/en.js"], ky: ["/assets/ky.js"] } };

const asked: string[] = [];
let links: { rel?: string; href?: string }[] = [];
let status = 200;

beforeEach(() => {
  asked.length = 0;
  links = [];
  status = 200;
  vi.stubGlobal("innerWidth", 1440);
  vi.stubGlobal("innerHeight", 900);
  vi.stubGlobal("devicePixelRatio", 1);
  vi.stubGlobal("navigator", { languages: ["fr-FR", "ky-KG", "en"] });
  vi.stubGlobal("localStorage", { getItem: () => null });
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
  it("is the picture of the study in the address, its screen and the reader's language", async () => {
    beginEarly("#/study/1.2.3", FILES);
    expect(asked).toEqual([firstPicturePath("1.2.3")]);
    expect(links.map(({ rel, href }) => `${rel} ${href}`)).toEqual([
      "modulepreload /assets/study.js",
      "preload /assets/study.css",
      "modulepreload /assets/ky.js",
    ]);
    expect(await earlyAnswer(firstPicturePath("1.2.4"))).toBeUndefined();
    expect(await (await earlyAnswer(firstPicturePath("1.2.3")))?.text()).toBe("picture");
    expect(await earlyAnswer(firstPicturePath("1.2.3"))).toBeUndefined(); // once
  });

  it("is the language alone where no study is opened", () => {
    beginEarly("#/", FILES);
    expect(asked).toEqual([]);
    expect(links.map(({ href }) => href)).toEqual(["/assets/ky.js"]);
  });

  it("is asked for again where the first answer was a refusal: nobody was signed in then", async () => {
    status = 401;
    beginEarly("#/study/1.2.3", FILES);
    expect(await earlyAnswer(firstPicturePath("1.2.3"))).toBeUndefined();
  });
});
