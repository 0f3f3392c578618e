/** What a catalogue of messages holds: plain texts, and texts that go with a number. */

import type { en } from "@/i18n/en";

/** Forms of a counted message, by CLDR plural category. */
export type Plural = { readonly other: string } & Partial<Record<"one" | "few" | "many", string>>;

/** The same messages in another language. */
export type Translated<English> = { readonly [K in keyof English]: English[K] extends string ? string : Plural };

export type MessageKey = keyof typeof en;

export type PluralKey = { [K in MessageKey]: (typeof en)[K] extends string ? never : K }[MessageKey];

export type PlainKey = Exclude<MessageKey, PluralKey>;

export type Catalogue = Translated<typeof en>;
