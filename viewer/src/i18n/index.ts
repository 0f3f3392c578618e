/** The language of the screen and its messages. Reading a message inside a component re-renders it on a change. */

import { batch, signal } from "@preact/signals";

import type { Catalogue, PlainKey, PluralKey } from "@/i18n/catalogue";
import { formatAlike, formatNumber } from "@/i18n/format";
import { pluralCategory, type Language } from "@/i18n/plural";

export type { Language } from "@/i18n/plural";

/** The languages in their own words, in the order in which they are offered. */
export const LANGUAGES: Readonly<Record<Language, string>> = {
  kk: "Қазақша",
  ky: "Кыргызча",
  ru: "Русский",
  en: "English",
};

/** A catalogue is a file of its own: nobody waits for the languages of others. */
const CATALOGUES: Readonly<Record<Language, () => Promise<Catalogue>>> = {
  kk: async () => (await import("@/i18n/kk")).kk,
  ky: async () => (await import("@/i18n/ky")).ky,
  ru: async () => (await import("@/i18n/ru")).ru,
  en: async () => (await import("@/i18n/en")).en,
};

/** Who understands what, first choice first: for texts that come in some languages only. */
const FALLBACK: Readonly<Record<Language, readonly Language[]>> = {
  kk: ["kk", "ru", "en"],
  ky: ["ky", "ru", "en"],
  ru: ["ru", "en"],
  en: ["en"],
};

const REMEMBERED = "suret.language";
const ASK_AGAIN_AFTER_MS = 2000;

/** Whether the product speaks it. */
export function isLanguage(value: string): value is Language {
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

const catalogue = signal<Catalogue | undefined>(undefined);

let wanted: Language | undefined;
let speaking: Promise<void> = Promise.resolve();

/** Resolves when this language is spoken, or another that was wanted later. Rejects when the catalogue cannot be fetched. */
function speak(next: Language): Promise<void> {
  wanted = next;
  speaking = fetched(next);
  return speaking;
}

async function fetched(next: Language): Promise<void> {
  const messages = await CATALOGUES[next]();
  if (wanted !== next) return speaking; // of the language that was wanted later
  batch(() => {
    language.value = next;
    catalogue.value = messages;
  });
}

/** Resolves when the first language is here: nothing may be said before. On a broken link it is asked for until it comes. */
export async function firstLanguage(): Promise<void> {
  for (;;) {
    try {
      return await speak(language.peek());
    } catch {
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_AFTER_MS));
    }
  }
}

/** Speak this language from now on, also after the page is opened again; the old one stays when it cannot be fetched. */
export async function setLanguage(next: string): Promise<void> {
  if (!isLanguage(next)) return;
  try {
    await speak(next);
  } catch {
    return;
  }
  if (language.peek() === next) globalThis.localStorage?.setItem(REMEMBERED, next);
}

function messages(): Catalogue {
  if (!catalogue.value) throw new Error("no language was loaded: wait for firstLanguage()");
  return catalogue.value;
}

/** Whether there is a plain message of this name: names of things that the node may know better than we do. */
export function isMessage(key: string): key is PlainKey {
  return key in messages();
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
  return fill(messages()[key], parameters);
}

/** A counted message; `{count}` stands for the number. */
export function counted(key: PluralKey, count: number): string {
  const forms = messages()[key];
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

/** Numbers beside each other, written alike. */
export function alike(values: readonly number[], digits = 0): string[] {
  return formatAlike(language.value, values, digits);
}
