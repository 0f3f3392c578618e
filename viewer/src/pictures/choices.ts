/** What somebody who takes pictures away chooses, and what goes with what. */

import { number, Tag, text, type Dataset } from "@/dicomweb/json";

export const SUBJECTS = ["view", "layout", "keys", "series"] as const;
/** What pictures are of: the viewport in hand, all of them as they stand, the key images, the series in hand. */
export type Subject = (typeof SUBJECTS)[number];

export const FORMS = ["png", "jpeg", "mp4", "print"] as const;
export type Form = (typeof FORMS)[number];

/** Whole images at their own resolution, or what the screen shows at the screen's. */
export type Size = "native" | "shown";

/** What is drawn over the pixels. */
export interface Burned {
  /** Whose it is: name, ID, birth date, and when the study was made. */
  readonly identity: boolean;
  readonly texts: boolean;
  /** Measurements, outlines, presentation states, reference lines. */
  readonly marks: boolean;
  readonly scale: boolean;
  readonly letters: boolean;
}

export interface Choices {
  readonly subject: Subject;
  readonly form: Form;
  readonly size: Size;
  readonly quality: number;
  readonly burned: Burned;
  /** Of a print. */
  readonly perPage: number;
  /** One picture a page, as large as in the patient. */
  readonly trueSize: boolean;
}

export const PER_PAGE = [1, 2, 4, 6, 9, 12] as const;
export const QUALITIES = [75, 90, 98] as const;

/**
 * A file leaves with nobody to watch over it, so it names no patient unless somebody wants that; paper without a name
 * ends in the wrong folder, so a print does.
 */
export function namesPatient(form: Form): boolean {
  return form === "print";
}

export const FIRST_CHOICES: Choices = {
  subject: "view",
  form: "png",
  size: "shown",
  quality: 90,
  burned: { identity: namesPatient("png"), texts: true, marks: true, scale: true, letters: true },
  perPage: 1,
  trueSize: false,
};

/** The choices with another one, and what follows from it. */
export function chosen(before: Choices, change: Partial<Choices>): Choices {
  const next = { ...before, ...change };
  const form = next.form === "mp4" && next.subject !== "series" ? "png" : next.form;
  const otherHands = namesPatient(form) !== namesPatient(before.form);
  return {
    ...next,
    form,
    size: next.subject === "layout" ? "shown" : next.size,
    trueSize: next.trueSize && form === "print" && next.perPage === 1 && next.subject !== "layout",
    burned: otherHands ? { ...next.burned, identity: namesPatient(form) } : next.burned,
  };
}

const BURNED_IN_ANNOTATION = "00280301";
const RECOGNIZABLE_FEATURES = "00280302";
const PATIENT_IDENTITY_REMOVED = "00120062";
/** Whose machines write names into the pixels, or whose pictures are of documents and people. */
const WRITERS = new Set(["US", "IVUS", "SC", "OT", "XC", "ES", "GM", "DOC", "SM", "PX", "OP", "OPT"]);

/** Whether the pixels themselves may tell whose they are, as far as the object says anything of it (PS3.3 C.7.6.1.1.3). */
export function mayShowIdentity(dataset: Dataset): boolean {
  const burned = text(dataset, BURNED_IN_ANNOTATION);
  if (burned === "YES" || text(dataset, RECOGNIZABLE_FEATURES) === "YES") return true;
  if (burned === "NO" || text(dataset, PATIENT_IDENTITY_REMOVED) === "YES") return false;
  return WRITERS.has(text(dataset, Tag.Modality)) || (number(dataset, Tag.SamplesPerPixel) ?? 1) > 1;
}

const NOT_IN_NAMES = /[\p{Cc}<>:"/\\|?*^=;%]+/gu;
const NAME_LONGEST = 100;

function clean(words: readonly string[]): string {
  return words.join(" ").replace(NOT_IN_NAMES, " ").replace(/\s+/g, " ").trim().slice(0, NAME_LONGEST).replace(/[. ]+$/, "");
}

/** The name of a file without its ending: of whom and when only where the identity is kept. */
export function fileName(dataset: Dataset, identity: boolean, what: readonly string[]): string {
  const modality = text(dataset, Tag.Modality);
  if (!identity) return clean([modality, ...what]) || "picture";
  const name = (text(dataset, Tag.PatientName).split("=")[0] ?? "").replaceAll("^", " ");
  return clean([name, text(dataset, Tag.PatientID), text(dataset, Tag.StudyDate), modality, ...what]) || "picture";
}

/** Width and height, both even as films need them, at most `longest`; and never more than there is. */
export function filmSize(width: number, height: number, longest: number): readonly [number, number] {
  const scale = Math.min(1, longest / Math.max(width, height));
  const even = (value: number): number => Math.max(2, 2 * Math.round((value * scale) / 2));
  return [even(width), even(height)];
}
