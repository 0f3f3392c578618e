/** The language of the screen and its messages. Reading a message inside a component re-renders it on a change. */

import { signal } from "@preact/signals";

import { en, type Catalogue, type PlainKey, type PluralKey } from "@/i18n/en";
import { formatNumber } from "@/i18n/format";
import { kk } from "@/i18n/kk";
import { ky } from "@/i18n/ky";
import { pluralCategory, type Language } from "@/i18n/plural";
import { ru } from "@/i18n/ru";

export type { Language } from "@/i18n/plural";

/** The languages in their own words, in the order in which they are offered. */
export const LANGUAGES: Readonly<Record<Language, string>> = {
  kk: "Қазақша",
  ky: "Кыргызча",
  ru: "Русский",
  en: "English",
};

const CATALOGUES: Readonly<Record<Language, Catalogue>> = { kk, ky, ru, en };

/** Who understands what, first choice first: for texts that come in some languages only. */
const FALLBACK: Readonly<Record<Language, readonly Language[]>> = {
  kk: ["kk", "ru", "en"],
  ky: ["ky", "ru", "en"],
  ru: ["ru", "en"],
  en: ["en"],
};

const REMEMBERED = "suret.language";

function isLanguage(value: string): value is Language {
  return value in LANGUAGES;
}

/** The first of the browser's wishes that the product speaks; English when none. */
export function preferredLanguage(wishes: readonly string[]): Language {
  return wishes.map((wish) => wish.slice(0, 2).toLowerCase()).find(isLanguage) ?? "en";
}

function initialLanguage(): Language {
  const remembered = globalThis.localStorage?.getItem(REMEMBERED) ?? "";
  return isLanguage(remembered) ? remembered : preferredLanguage(globalThis.navigator?.languages ?? []);
}

export const language = signal<Language>(initialLanguage());

/** Speak this language from now on, also after the page is opened again. */
export function setLanguage(next: string): void {
  if (!isLanguage(next)) return;
  language.value = next;
  globalThis.localStorage?.setItem(REMEMBERED, next);
}

type Parameters_ = Readonly<Record<string, string | number>>;

function fill(message: string, parameters: Parameters_): string {
  return message.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = parameters[name] ?? "";
    return typeof value === "number" ? formatNumber(language.value, value, 2) : value;
  });
}

/** A message in the language of the screen. */
export function t(key: PlainKey, parameters: Parameters_ = {}): string {
  return fill(CATALOGUES[language.value][key], parameters);
}

/** A counted message; `{count}` stands for the number. */
export function counted(key: PluralKey, count: number): string {
  const forms = CATALOGUES[language.value][key];
  return fill(forms[pluralCategory(language.value, count)] ?? forms.other, { count });
}

/** The text of a set by language that this reader understands best; "" when the set is empty. */
export function choose(texts: Readonly<Record<string, string>>): string {
  const best = FALLBACK[language.value].find((one) => texts[one]);
  return (best && texts[best]) ?? Object.values(texts)[0] ?? "";
}

/** A number in the language of the screen. */
export function n(value: number, digits = 0): string {
  return formatNumber(language.value, value, digits);
}
