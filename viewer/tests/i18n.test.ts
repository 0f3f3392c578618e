import { describe, expect, it } from "vitest";
import type { MessageKey } from "@/i18n/catalogue";
import { en } from "@/i18n/en";
import { kk } from "@/i18n/kk";
import { ky } from "@/i18n/ky";
import { pluralCategory } from "@/i18n/plural";
import { ru } from "@/i18n/ru";

const catalogues = { en, ru, kk, ky };
const keys = Object.keys(en) as MessageKey[];
const texts = (message: string | object): string[] => (typeof message === "string" ? [message] : Object.values(message));
const parameters = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();

describe.each(Object.entries(catalogues))("%s", (_language, catalogue) => {
  it("has every message and no other", () => {
    expect(Object.keys(catalogue).sort()).toEqual([...keys].sort());
    for (const key of keys) for (const text of texts(catalogue[key])) expect(text.trim(), key).not.toBe("");
  });

  it("uses the parameters of the English message", () => {
    for (const key of keys) {
      const wanted = parameters(texts(en[key]).at(-1) ?? "");
      expect(parameters(texts(catalogue[key]).at(-1) ?? ""), key).toEqual(wanted);
    }
  });

  it("mixes no Latin and Cyrillic look-alikes inside a word", () => {
    const mixed = /[A-Za-z][А-Яа-яЁёӘәҒғҚқҢңӨөҰұҮүҺһІі]|[А-Яа-яЁёӘәҒғҚқҢңӨөҰұҮүҺһІі][A-Za-z]/;
    for (const key of keys) for (const text of texts(catalogue[key])) expect(text.replace(/\{\w+\}/g, " "), key).not.toMatch(mixed);
  });
});

describe("plural categories", () => {
  it("are those of each language", () => {
    expect([1, 2, 5, 11, 21, 22].map((count) => pluralCategory("ru", count))).toEqual(["one", "few", "many", "many", "one", "few"]);
    expect([1, 2].map((count) => pluralCategory("kk", count))).toEqual(["one", "other"]);
  });
});
