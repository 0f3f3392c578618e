/** CLDR plural categories of whole numbers for the product's languages; browsers do not know all of them. */

export type Language = "kk" | "ky" | "ru" | "en";

export type PluralCategory = "one" | "few" | "many" | "other";

function russian(n: number): PluralCategory {
  const [tens, ones] = [n % 100, n % 10];
  if (tens >= 11 && tens <= 14) return "many";
  if (ones === 1) return "one";
  return ones >= 2 && ones <= 4 ? "few" : "many";
}

function oneOrOther(n: number): PluralCategory {
  return n === 1 ? "one" : "other";
}

const RULES: Readonly<Record<Language, (n: number) => PluralCategory>> = {
  kk: oneOrOther,
  ky: oneOrOther,
  ru: russian,
  en: oneOrOther,
};

/** The category of a whole number ≥ 0. */
export function pluralCategory(language: Language, n: number): PluralCategory {
  return RULES[language](Math.trunc(Math.abs(n)));
}
