/** How a patient is named on the screen. */

import { counted, t } from "@/i18n";
import { formatDate, yearsBetween } from "@/i18n/format";
import type { PlainKey } from "@/i18n/catalogue";

const SEX: Readonly<Record<string, PlainKey>> = { M: "patient.male", F: "patient.female", O: "patient.other" };

export interface PatientFacts {
  readonly birthDate: string;
  readonly sex: string;
  /** DA of the study, for the age. */
  readonly studyDate: string;
}

/** Birth date, age at the study and sex, as far as they are known. */
export function patientFacts({ birthDate, sex, studyDate }: PatientFacts): string {
  const years = yearsBetween(birthDate, studyDate);
  const sexKey = SEX[sex];
  return [
    formatDate(birthDate),
    years === undefined ? "" : counted("patient.age", years),
    sexKey ? t(sexKey) : "",
  ]
    .filter((part) => part !== "")
    .join(", ");
}
