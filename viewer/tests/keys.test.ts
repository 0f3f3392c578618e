/** Which key is whose, by what has the focus. */

import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { DicomWeb } from "@/dicomweb/client";
import { Http } from "@/dicomweb/http";
import { OpenStudy } from "@/model/study";
import { Workspace } from "@/model/workspace";
import { Likings } from "./kept";

/** As much of an element as a handler of keys asks: what it is, and whether it lies in another. */
class Thing {
  constructor(
    private readonly tag: string,
    private readonly attributes: Readonly<Record<string, string>> = {},
    private readonly parent?: Thing,
  ) {}

  matches(selector: string): boolean {
    return selector.split(/,\s*(?![^(]*\))/).some((one) => {
      const [, tag, attributes = "", without = ""] = /^([a-z]*)((?:\[[^\]]*\])*)((?::not\([^)]*\))*)$/.exec(one) ?? [];
      const has = [...attributes.matchAll(/\[([^=\]]+)(?:=([^\]]+))?\]/g)].every(([, name = "", value]) => name in this.attributes && (value === undefined || this.attributes[name] === value));
      return tag !== undefined && (tag === "" || tag === this.tag) && has && [...without.matchAll(/:not\(([^)]*)\)/g)].every(([, inner = ""]) => !this.matches(inner));
    });
  }

  closest(selector: string): Thing | null {
    return this.matches(selector) ? this : (this.parent?.closest(selector) ?? null);
  }
}

class Field extends Thing {}

beforeEach(() => {
  vi.stubGlobal("HTMLElement", Thing);
  vi.stubGlobal("HTMLInputElement", Field);
});

afterEach(() => vi.unstubAllGlobals());

function desk(): { readonly made: Workspace; press(key: string, code: string, target: Thing): boolean } {
  const made = new Workspace(new OpenStudy(new DicomWeb(new Http(async () => new Response("[]"))), "1.2"), new Likings());
  const press = (key: string, code: string, target: Thing): boolean => {
    let taken = false;
    made.key({ key, code, target, altKey: false, ctrlKey: false, metaKey: false, repeat: false, preventDefault: () => (taken = true) } as unknown as KeyboardEvent);
    return taken;
  };
  return { made, press };
}

const SLIDER = new Field("input", { type: "range" });

it("the space bar plays though a slider has the focus, and presses the button that has it", () => {
  const { made, press } = desk();
  const { open } = made.active.value.cine;
  expect(press(" ", "Space", new Thing("button"))).toBe(false);
  expect(press(" ", "Space", new Field("input", { type: "text" }))).toBe(false);
  expect(open.value).toBe(false);
  expect(press(" ", "Space", SLIDER)).toBe(true);
  expect(open.value).toBe(true);
});

it("arrows are those of the slider that has the focus, unless it is that of the images", () => {
  const { press } = desk();
  expect(press("ArrowDown", "ArrowDown", SLIDER)).toBe(false);
  expect(press("ArrowDown", "ArrowDown", new Field("input", { type: "range", "data-keys": "images" }))).toBe(true);
});

it("a question mark in a menu closes it and opens the help", () => {
  const { made, press } = desk();
  made.menu.value = "view";
  const entry = new Thing("button", {}, new Thing("div", { role: "menu" }));
  expect(press("w", "KeyW", entry)).toBe(false);
  expect(press("?", "Slash", entry)).toBe(true);
  expect([made.menu.value, made.switches.help.value]).toEqual([undefined, true]);
  expect(press("?", "Slash", new Field("input", { type: "text" }))).toBe(false);
});
