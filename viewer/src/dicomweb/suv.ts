/** Standardised uptake values of PET by body weight, from what the object says; refused where it does not say enough. */

import { items, number, Tag, text, texts, type Dataset } from "@/dicomweb/json";

const UNITS = "00541001";
const CORRECTED_IMAGE = "00280051";
const DECAY_CORRECTION = "00541102";
const PATIENT_WEIGHT = "00101030";
const RADIOPHARMACEUTICALS = "00540016";
const TOTAL_DOSE = "00181074";
const HALF_LIFE = "00181075";
const START_TIME = "00181072";
const START_DATE_TIME = "00181078";
const SERIES_TIME = "00080031";
const ACQUISITION_DATE = "00080022";
const ACQUISITION_TIME = "00080032";

export type SuvRefusal =
  | "modality"
  | "units"
  | "corrections"
  | "decay"
  | "weight"
  | "dose"
  | "times";

export type Suv =
  /** SUV body weight (g/mL) is the modality value times `factor`. */
  | { readonly factor: number; readonly refused?: undefined }
  | { readonly refused: SuvRefusal; readonly factor?: undefined };

const GRAMS_PER_KG = 1000;
const SECONDS_A_DAY = 86_400;

/**
 * The factor from modality values to SUV by body weight (QIBA's vendor-neutral way): dose decayed to the time which the
 * image is corrected to. Objects in g/mL have 1. What is missing is told, never guessed.
 */
export function suvFactor(dataset: Dataset): Suv {
  if (text(dataset, Tag.Modality) !== "PT") return { refused: "modality" };
  const units = text(dataset, UNITS);
  if (units === "GML") return { factor: 1 };
  if (units !== "BQML") return { refused: "units" };
  const corrected = texts(dataset, CORRECTED_IMAGE);
  if (!corrected.includes("ATTN") || !corrected.includes("DECY")) return { refused: "corrections" };
  const weight = number(dataset, PATIENT_WEIGHT) ?? 0;
  if (weight <= 0) return { refused: "weight" };
  const [tracer] = items(dataset, RADIOPHARMACEUTICALS);
  const [dose, halfLife] = [(tracer && number(tracer, TOTAL_DOSE)) ?? 0, (tracer && number(tracer, HALF_LIFE)) ?? 0];
  if (!tracer || dose <= 0 || halfLife <= 0) return { refused: "dose" };
  const decay = decaySeconds(dataset, tracer);
  if (decay === undefined) return { refused: "decay" };
  if (Number.isNaN(decay)) return { refused: "times" };
  return { factor: (weight * GRAMS_PER_KG) / (dose * 2 ** (-decay / halfLife)) };
}

/** From injection to the time of correction; undefined: corrected in an unknown way; NaN: times are missing or absurd. */
function decaySeconds(dataset: Dataset, tracer: Dataset): number | undefined {
  const correction = text(dataset, DECAY_CORRECTION);
  if (correction === "ADMIN") return 0;
  if (correction !== "START") return undefined;
  const acquired = moment(text(dataset, ACQUISITION_DATE), text(dataset, ACQUISITION_TIME));
  const scan = moment(text(dataset, Tag.SeriesDate), text(dataset, SERIES_TIME));
  if (!(scan <= acquired)) return Number.NaN; // a series made afterwards has the time of its making, not of the scan
  const whole = text(tracer, START_DATE_TIME);
  let injected = moment(whole.slice(0, 8), whole.slice(8));
  if (Number.isNaN(injected)) {
    injected = moment(text(dataset, Tag.SeriesDate), text(tracer, START_TIME));
    if (injected > scan) injected -= SECONDS_A_DAY; // only a time of day was kept: before midnight
  }
  const seconds = scan - injected;
  return seconds >= 0 && seconds < 2 * SECONDS_A_DAY ? seconds : Number.NaN;
}

/** Seconds on one common clock of a DA and a TM value; NaN when either is none. */
function moment(date: string, time: string): number {
  const day = /^(\d{4})(\d{2})(\d{2})$/.exec(date);
  const clock = /^(\d{2})(\d{2})(\d{2})?(\.\d+)?/.exec(time);
  if (!day || !clock) return Number.NaN;
  const [hours, minutes, seconds, fraction] = [clock[1], clock[2], clock[3] ?? 0, clock[4] ?? 0].map(Number);
  const midnight = Date.UTC(Number(day[1]), Number(day[2]) - 1, Number(day[3])) / 1000;
  return midnight + (hours ?? 0) * 3600 + (minutes ?? 0) * 60 + (seconds ?? 0) + (fraction ?? 0);
}
