/** Earlier and later studies of the same patient, and which of their series stands beside which. */

import type { SeriesSummary } from "@/dicomweb/client";
import { Tag, text, type Dataset } from "@/dicomweb/json";
import { isNoPicture } from "@/model/study";
import type { WorklistStudy } from "@/model/worklistStudy";

/** How sure it is that two studies are of one patient. */
export type Sameness = "same" | "doubtful";

export interface Prior {
  readonly studyInstanceUid: string;
  /** DA. */
  readonly date: string;
  readonly description: string;
  readonly modalities: readonly string[];
  readonly patientName: string;
  readonly birthDate: string;
  readonly sameness: Sameness;
  /** Both studies say what part of the body they are of, and it is not the same. */
  readonly isElsewhere: boolean;
}

/** What it is called, and before it those of its modalities that the description does not name itself. */
export function priorTitle({ modalities, description }: Pick<Prior, "modalities" | "description">): string {
  const said = new Set(description.toUpperCase().split(NO_WORD));
  const unsaid = modalities.filter((modality) => !said.has(modality));
  return [unsaid.join(", "), description].filter((part) => part !== "").join(" ");
}

const NO_WORD = /[^\p{L}\p{N}]+/u;
const LETTERS = /[^\p{L}\p{N}]+/gu;

function plain(name: string): string {
  return name.normalize("NFKD").toLowerCase().replace(LETTERS, " ").trim().split(" ").toSorted().join(" ");
}

/** Whom a study or an image names. */
export type Person = Pick<WorklistStudy, "patientId" | "issuerOfPatientId" | "patientName" | "patientBirthDate" | "patientSex">;

export function personOf(dataset: Dataset): Person {
  return {
    patientId: text(dataset, Tag.PatientID),
    issuerOfPatientId: text(dataset, Tag.IssuerOfPatientID),
    patientName: text(dataset, Tag.PatientName),
    patientBirthDate: text(dataset, Tag.PatientBirthDate),
    patientSex: text(dataset, Tag.PatientSex),
  };
}

/** Another ID, or one of another issuer, is another patient, as for the node; else another birth date, sex or name is a reason to look twice. */
export function samenessOf(one: Person, other: Person): Sameness | undefined {
  if (one.patientId === "" || one.patientId !== other.patientId || one.issuerOfPatientId !== other.issuerOfPatientId) return undefined;
  return isDoubtful(one, other) ? "doubtful" : "same";
}

function differ(value: string, otherValue: string): boolean {
  return value !== "" && otherValue !== "" && value !== otherValue;
}

/** Whether they differ in what both say of a person. */
export function isDoubtful(one: Person, other: Person): boolean {
  return differ(one.patientBirthDate, other.patientBirthDate) || differ(one.patientSex, other.patientSex) || differ(plain(one.patientName), plain(other.patientName));
}

const NO_PARTS: ReadonlyMap<string, readonly string[]> = new Map();

/**
 * Of the studies that the node knows of a patient, those beside this one: first those of the same part of the body and modality,
 * then of the same part, then of the same modality, of each the newest first. `parts` are the body parts of their series, by study.
 */
export function priorsOf(
  person: Person,
  studyInstanceUid: string,
  modalities: readonly string[],
  found: readonly WorklistStudy[],
  parts = NO_PARTS,
): Prior[] {
  const read = found.find((one) => one.studyInstanceUid === studyInstanceUid);
  const own = regionOf(read?.description ?? "", parts.get(studyInstanceUid));
  const partsOf = (other: WorklistStudy): string[] => [...regionOf(other.description, parts.get(other.studyInstanceUid))];
  const near = (other: WorklistStudy): number => 3 * likeness(partsOf(other), [...own]) + 2 * likeness(other.modalities, modalities);
  return found
    .filter((other) => other.studyInstanceUid !== studyInstanceUid)
    .map((other): [number, Prior] => [
      near(other),
      {
        studyInstanceUid: other.studyInstanceUid,
        date: other.studyDate,
        description: other.description,
        modalities: other.modalities,
        patientName: other.patientName,
        birthDate: other.patientBirthDate,
        sameness: samenessOf(read ?? person, other) ?? "doubtful",
        isElsewhere: own.size > 0 && partsOf(other).length > 0 && likeness(partsOf(other), [...own]) === 0,
      },
    ])
    .toSorted(([a, one], [b, other]) => b - a || (one.date < other.date ? 1 : -1))
    .map(([, prior]) => prior);
}

/** Parts of the body in the viewer's languages: a description tells where no series says what it is of. */
const REGIONS: readonly (readonly [string, RegExp])[] = [
  ["head", /head|brain|skull|cerebr|neuro|orbit|sinus|голов|мозг|череп|бас сүйек|баш мээ/i],
  ["neck", /neck|cervi|c-?spine|cspine|carotid|thyroid|шея|шеи|шейн|мойын|моюн/i],
  ["chest", /chest|thora|lung|pulmo|\bhrct|груд|легк|лёгк|огк|кеуде|өкпе|көкүрөк|өпкө/i],
  ["heart", /heart|cardi|coronary|\becho|серд|коронар|эхокг|жүрек|жүрөк/i],
  ["breast", /breast|mammo|молочн|маммо|сүт безі|сүт бези/i],
  ["abdomen", /abdom|liver|kidney|pancrea|hepat|renal|брюш|печен|почк|іш қуыс|ич көңдөй/i],
  ["pelvis", /pelvi|prostat|uterus|bladder|\bhip|таз|простат|жамбас/i],
  ["spine", /spine|lumb|sacr|vertebr|позвон|поясн|омыртқа|омуртка/i],
  ["arm", /shoulder|elbow|wrist|hand|finger|humer|forearm|плеч|локт|кисть|запяст|иық|білек|ийин/i],
  ["leg", /knee|ankle|foot|\btoe|femur|tibia|колен|голен|стоп|тізе|тизе/i],
];

/** The parts of the body that its series and its description name. */
function regionOf(description: string, parts: readonly string[] = []): ReadonlySet<string> {
  const said = [...parts, description].join(" ").replaceAll("_", " ");
  return new Set(REGIONS.filter(([, words]) => words.test(said)).map(([name]) => name));
}

function likeness(some: readonly string[], others: readonly string[]): number {
  return some.some((modality) => others.includes(modality)) ? 1 : 0;
}

/** How many words two descriptions have in common. */
export function sharedWords(one: string, other: string): number {
  const words = new Set(plain(one).split(" "));
  return plain(other).split(" ").filter((word) => words.has(word)).length;
}

/** The series that is compared with `shown`: same modality, then body part, description and size alike; undefined: none. */
export function counterpart(shown: SeriesSummary, series: readonly SeriesSummary[]): SeriesSummary | undefined {
  const score = (one: SeriesSummary): number => {
    const common = sharedWords(shown.description, one.description);
    const size = Math.min(one.numberOfInstances, shown.numberOfInstances) / Math.max(1, one.numberOfInstances, shown.numberOfInstances);
    return (one.modality === shown.modality ? 100 : 0) + (one.bodyPart === shown.bodyPart ? 20 : 0) + 3 * common + size;
  };
  return series.filter(({ modality }) => !isNoPicture(modality)).toSorted((a, b) => score(b) - score(a))[0];
}

const DA = /^(\d{4})(\d{2})(\d{2})$/;
const DAY_MS = 86_400_000;
const DAYS_A_MONTH = 30.44;

export interface DateDistance {
  readonly unit: "days" | "months" | "years";
  readonly count: number;
  readonly earlier: boolean;
}

function at(parts: RegExpExecArray): number {
  return Date.UTC(Number(parts[1]), Number(parts[2]) - 1, Number(parts[3]));
}

/** How long before or after one DA value the other is; undefined when either is no date. */
export function dateDistance(from: string, to: string): DateDistance | undefined {
  const [one, other] = [DA.exec(from), DA.exec(to)];
  if (!one || !other) return undefined;
  const days = Math.round((at(other) - at(one)) / DAY_MS);
  const length = Math.abs(days);
  const earlier = days < 0;
  if (length < 60) return { unit: "days", count: length, earlier };
  const months = Math.round(length / DAYS_A_MONTH);
  return months < 24 ? { unit: "months", count: months, earlier } : { unit: "years", count: wholeYears(from, to), earlier };
}

/** As birthdays are counted: leap days do not take a year away. */
function wholeYears(from: string, to: string): number {
  const [early, late] = [from, to].toSorted() as [string, string];
  const years = Number(late.slice(0, 4)) - Number(early.slice(0, 4));
  return late.slice(4) < early.slice(4) ? years - 1 : years;
}
