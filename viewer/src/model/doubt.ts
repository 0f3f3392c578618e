/** Why a study may not be of whom it says: the node compares names, birth dates and sexes under one Patient ID and in one study. */

import { cleanText, formatPersonName } from "@/dicomweb/json";
import { count, list, record, string } from "@/model/decode";

/** Somebody under the same Patient ID who cannot be the same person. */
export interface OtherPerson {
  readonly name: string;
  /** DA, "" when unknown; likewise below. */
  readonly birthDate: string;
  readonly sex: string;
}

export interface Doubt {
  readonly others: readonly OtherPerson[];
  /** How many objects of the study name another patient than the study does. */
  readonly objects: number;
}

export const SURE: Doubt = { others: [], objects: 0 };

export function doubtOf(value: unknown): Doubt {
  const doubt = record(value);
  const others = list(doubt["others"]).map((one): OtherPerson => {
    const told = record(one);
    const shown = (key: string): string => cleanText(string(told[key]));
    return {
      name: formatPersonName(string(told["patient_name"])),
      birthDate: shown("patient_birth_date"),
      sex: shown("patient_sex"),
    };
  });
  return { others, objects: count(doubt["objects"]) };
}

export function isDoubtful({ others, objects }: Doubt): boolean {
  return others.length > 0 || objects > 0;
}
