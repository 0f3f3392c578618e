/** Standardised uptake values of PET by body weight, from what the object says; refused where it does not say enough. */

import { items, number, Tag, text, texts, type Dataset } from "@/dicomweb/json";

const UNITS = "00541001";
const SUV_TYPE = "00541006";
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
const TIMEZONE_OFFSET = "00080201";
const FRAME_REFERENCE_TIME = "00541300";
const FRAME_DURATION = "00181242";
const GE = { creator: "GEMS_PETD_01", group: "0009", scanDateTime: "0D" };
const PHILIPS = { creator: "Philips PET Private Group", group: "7053", suvFactor: "00", activityFactor: "09" };

export type SuvRefusal =
  | "modality"
  | "units"
  | "type"
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
const HALF_LIVES_LEFT = 6;

/**
 * The factor from modality values to SUV by body weight (QIBA's vendor-neutral way): dose decayed to the time which the
 * image is corrected to. Objects in g/mL have 1, of Philips' counts the scanner tells it. What is missing is told, never guessed.
 */
export function suvFactor(dataset: Dataset): Suv {
  if (text(dataset, Tag.Modality) !== "PT") return { refused: "modality" };
  const units = text(dataset, UNITS);
  if (units === "GML") return ["", "BW"].includes(text(dataset, SUV_TYPE)) ? { factor: 1 } : { refused: "type" };
  const told = units === "CNTS" ? number(dataset, ofMaker(dataset, PHILIPS, PHILIPS.suvFactor)) ?? 0 : 0;
  if (told > 0) return { factor: told };
  const activity = units === "CNTS" ? number(dataset, ofMaker(dataset, PHILIPS, PHILIPS.activityFactor)) ?? 0 : 1;
  if ((units !== "BQML" && units !== "CNTS") || activity <= 0) return { refused: "units" };
  const corrected = texts(dataset, CORRECTED_IMAGE);
  if (!corrected.includes("ATTN") || !corrected.includes("DECY")) return { refused: "corrections" };
  const weight = number(dataset, PATIENT_WEIGHT) ?? 0;
  if (weight <= 0) return { refused: "weight" };
  const [tracer, another] = items(dataset, RADIOPHARMACEUTICALS).filter((one) => (number(one, TOTAL_DOSE) ?? 0) > 0);
  const [dose, halfLife] = [(tracer && number(tracer, TOTAL_DOSE)) ?? 0, (tracer && number(tracer, HALF_LIFE)) ?? 0];
  if (!tracer || another || dose <= 0 || halfLife <= 0) return { refused: "dose" }; // of two the image is of neither alone
  const decay = decaySeconds(dataset, tracer, halfLife);
  if (decay === undefined) return { refused: "decay" };
  if (Number.isNaN(decay)) return { refused: "times" };
  return { factor: (activity * weight * GRAMS_PER_KG) / (dose * 2 ** (-decay / halfLife)) };
}

/** The tag of a maker's own attribute in the block that its data set reserves for it (PS3.5 7.8.1). */
function ofMaker(dataset: Dataset, { creator, group }: { readonly creator: string; readonly group: string }, element: string): string {
  const reserved = Object.keys(dataset).find((tag) => tag.startsWith(`${group}00`) && text(dataset, tag) === creator);
  return reserved ? `${group}${reserved.slice(6)}${element}` : "";
}

/** From injection to the time of correction; undefined: corrected in an unknown way; NaN: times are missing or absurd. */
function decaySeconds(dataset: Dataset, tracer: Dataset, halfLife: number): number | undefined {
  const correction = text(dataset, DECAY_CORRECTION);
  if (correction === "ADMIN") return 0;
  if (correction !== "START") return undefined;
  const scan = beginning(dataset, halfLife);
  let injected = dateTime(text(tracer, START_DATE_TIME), text(dataset, TIMEZONE_OFFSET));
  if (Number.isNaN(injected)) {
    injected = moment(text(dataset, ACQUISITION_DATE), text(tracer, START_TIME)); // a series may be made days later
    // only a time of day was kept: before midnight, unless nothing were left of it since
    if (injected > scan && scan + SECONDS_A_DAY - injected < HALF_LIVES_LEFT * halfLife) injected -= SECONDS_A_DAY;
  }
  const seconds = scan - injected;
  return seconds >= 0 && seconds < 2 * SECONDS_A_DAY ? seconds : Number.NaN;
}

/** The earliest acquisition of each series of PET that is here, by UID. */
const earliest = new Map<string, number>();

/** Take in all images of a series: where nothing else tells when the scan began, the earliest of them does. */
export function learnAcquisitions(seriesInstanceUid: string, images: readonly Dataset[]): void {
  if (images.some((image) => text(image, Tag.Modality) !== "PT")) return;
  earliest.set(seriesInstanceUid, Math.min(...images.map(acquisition))); // not a number where one does not say it
}

function acquisition(dataset: Dataset): number {
  return moment(text(dataset, ACQUISITION_DATE), text(dataset, ACQUISITION_TIME));
}

const AGREE_S = 2; // clocks are written in whole seconds

/**
 * When the scan began, which all of its images are corrected to. A series made afterwards has the time of its making: GE keeps
 * the scan's beside it, else it is counted back from what an image says of itself, else the earliest image of the series has it.
 */
function beginning(dataset: Dataset, halfLife: number): number {
  const acquired = acquisition(dataset);
  const first = Math.min(acquired, earliest.get(text(dataset, Tag.SeriesInstanceUID)) ?? acquired);
  const series = moment(text(dataset, Tag.SeriesDate), text(dataset, SERIES_TIME));
  if (series <= first) return series;
  const scan = dateTime(text(dataset, ofMaker(dataset, GE, GE.scanDateTime)), text(dataset, TIMEZONE_OFFSET));
  if (!Number.isNaN(scan)) return scan <= acquired ? scan : Number.NaN;
  const [reference, duration] = [(number(dataset, FRAME_REFERENCE_TIME) ?? 0) / 1000, (number(dataset, FRAME_DURATION) ?? 0) / 1000];
  if (reference > 0 && duration > 0) {
    const counted = acquired - reference + averageCountRate(duration, halfLife);
    return counted <= first + AGREE_S ? counted : Number.NaN; // no image is acquired before its scan
  }
  return earliest.get(text(dataset, Tag.SeriesInstanceUID)) ?? Number.NaN;
}

/** Seconds from the beginning of a frame to where the count rate is that of the frame's mean. */
function averageCountRate(duration: number, halfLife: number): number {
  const constant = Math.LN2 / halfLife;
  const decayed = constant * duration;
  return Math.log(decayed / -Math.expm1(-decayed)) / constant;
}

/** A DT value on the clock of the data set's own times; NaN when it is of a zone that cannot be told from theirs. */
function dateTime(value: string, own: string): number {
  const [whole = "", zone] = value.split(/(?=[+-]\d{4}$)/);
  const apart = zone === undefined ? 0 : minutesOf(own) - minutesOf(zone);
  return moment(whole.slice(0, 8), whole.slice(8)) + apart * 60;
}

function minutesOf(zone: string): number {
  const [, sign, hours, minutes] = /^([+-])(\d{2})(\d{2})$/.exec(zone) ?? [];
  return sign === undefined ? Number.NaN : Number(`${sign}1`) * (Number(hours) * 60 + Number(minutes));
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
