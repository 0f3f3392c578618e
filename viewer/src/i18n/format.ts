/** Dates and numbers of the product's languages. Our own, because Chromium has no Kyrgyz and wrong Kazakh data. */

import type { Language } from "@/i18n/plural";

interface NumberStyle {
  readonly group: string;
  readonly decimal: string;
}

const NARROW_NO_BREAK_SPACE = "\u202F";
const COMMA_DECIMAL: NumberStyle = { group: NARROW_NO_BREAK_SPACE, decimal: "," };

const NUMBER_STYLE: Readonly<Record<Language, NumberStyle>> = {
  kk: COMMA_DECIMAL,
  ky: COMMA_DECIMAL,
  ru: COMMA_DECIMAL,
  en: { group: ",", decimal: "." },
};

const SMALLEST_GROUPED = 10_000; // 1234 reads better as it is

/** A number with at most `digits` decimals, without trailing zeros. */
export function formatNumber(language: Language, value: number, digits = 0): string {
  return formatAlike(language, [value], digits)[0] ?? "";
}

/** Numbers beside each other, with as many decimals as any of them needs, and grouped as the largest. */
export function formatAlike(language: Language, values: readonly number[], digits = 0): string[] {
  const parts = values.map((value) => Math.abs(value).toFixed(digits).split("."));
  const isGrouped = parts.some(([whole]) => Number(whole) >= SMALLEST_GROUPED);
  const needed = Math.max(0, ...parts.map(([, fraction = ""]) => fraction.replace(/0+$/, "").length));
  return parts.map(([whole = "", fraction = ""], index) => written(NUMBER_STYLE[language], values[index] ?? 0, whole, fraction.slice(0, needed), isGrouped));
}

function written(style: NumberStyle, value: number, whole: string, decimals: string, isGrouped: boolean): string {
  const grouped = isGrouped ? whole.replace(/\B(?=(?:\d{3})+$)/g, style.group) : whole;
  const text = decimals ? `${grouped}${style.decimal}${decimals}` : grouped;
  return value < 0 && /[1-9]/.test(text) ? `\u2212${text}` : text;
}

/** With a zero before it where it has one digit. */
export function two(value: number): string {
  return String(value).padStart(2, "0");
}

/** A DA value (YYYYMMDD, or the older YYYY.MM.DD) as DD.MM.YYYY in every language, of the year 0000 as ""; anything else as it is. */
export function formatDate(da: string): string {
  const parts = /^(\d{4})\.?(\d{2})\.?(\d{2})$/.exec(da);
  if (parts?.[1] === "0000") return ""; // written where nobody knew
  return parts ? `${parts[3]}.${parts[2]}.${parts[1]}` : da;
}

/** What a date is written out of. */
export interface DateParts {
  readonly year: string;
  /** 0 is January. */
  readonly month: number;
  readonly day: string;
  /** 0 is Sunday. */
  readonly weekday: number;
}

/** The parts of a DA value; undefined of what is no date. */
export function dateParts(da: string): DateParts | undefined {
  const [year = 0, month = 0, day = 0] = /^(\d{4})(\d{2})(\d{2})$/.exec(da)?.slice(1).map(Number) ?? [];
  const moment = new Date(Date.UTC(year, month - 1, day));
  if (moment.getUTCFullYear() !== year || moment.getUTCMonth() !== month - 1 || moment.getUTCDate() !== day) return undefined;
  return { year: String(year), month: month - 1, day: String(day), weekday: moment.getUTCDay() };
}

/** A TM value (HHMMSS.FFFFFF) as HH:MM, 24 hours; anything else as "". */
export function formatTime(tm: string): string {
  const parts = /^(\d{2}):?(\d{2})/.exec(tm);
  return parts ? `${parts[1]}:${parts[2]}` : "";
}

/** A moment (ISO 8601) in local time: the time alone today, with its date otherwise. */
export function formatMoment(iso: string, now: Date): string {
  const moment = new Date(iso);
  if (Number.isNaN(moment.getTime())) return "";
  const time = `${two(moment.getHours())}:${two(moment.getMinutes())}`;
  if (moment.toDateString() === now.toDateString()) return time;
  return `${two(moment.getDate())}.${two(moment.getMonth() + 1)}.${moment.getFullYear()} ${time}`;
}

/** A local date as DA. */
export function toDa(date: Date): string {
  return `${date.getFullYear()}${two(date.getMonth() + 1)}${two(date.getDate())}`;
}

/** Whole years between two DA values; undefined when either is no date or they are in the wrong order. */
export function yearsBetween(birth: string, then: string): number | undefined {
  const DA = /^(\d{4})(\d{4})$/;
  const [from, to] = [DA.exec(birth), DA.exec(then)];
  if (!from || !to) return undefined;
  const years = Number(to[1]) - Number(from[1]) - (Number(to[2]) < Number(from[2]) ? 1 : 0);
  return years >= 0 && years < 150 ? years : undefined;
}

/** An age as readers say it. */
export interface Age {
  readonly unit: "days" | "months" | "years";
  readonly count: number;
}

const DAYS_BELOW = 28;
const MONTHS_BELOW = 24;
const DAY_MS = 86_400_000;

/** In days below four weeks, in months below two years; undefined when either is no DA value or they are in the wrong order. */
export function ageAt(birth: string, then: string): Age | undefined {
  const years = yearsBetween(birth, then);
  if (years === undefined) return undefined;
  const [from, to] = [birth, then].map((da) => ({ year: Number(da.slice(0, 4)), month: Number(da.slice(4, 6)), day: Number(da.slice(6)) }));
  if (!from || !to) return undefined;
  const months = 12 * (to.year - from.year) + to.month - from.month - (to.day < from.day ? 1 : 0);
  const days = Math.round((Date.UTC(to.year, to.month - 1, to.day) - Date.UTC(from.year, from.month - 1, from.day)) / DAY_MS);
  if (days < DAYS_BELOW) return { unit: "days", count: days };
  return months < MONTHS_BELOW ? { unit: "months", count: months } : { unit: "years", count: years };
}

/** A date typed as D.M.YYYY (or with / - or blanks between), or as eight digits DDMMYYYY, as DA; else undefined. */
export function parseDate(typed: string): string | undefined {
  const parts = /^(\d{1,2})[./\- ](\d{1,2})[./\- ](\d{4})$/.exec(typed.trim()) ?? /^(\d{2})(\d{2})(\d{4})$/.exec(typed.trim());
  if (!parts) return undefined;
  const [day, month, year] = parts.slice(1).map(Number);
  if (day === undefined || month === undefined || year === undefined) return undefined;
  const date = new Date(year, month - 1, day);
  const exists = date.getFullYear() === year && date.getMonth() === month - 1 && date.getDate() === day;
  return exists ? toDa(date) : undefined;
}
