/** How a patient is named on the screen. */

import { counted, t } from "@/i18n";
import { ageAt, formatDate } from "@/i18n/format";
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
  const age = ageAt(birthDate, studyDate);
  const sexKey = SEX[sex];
  return [
    formatDate(birthDate),
    age ? counted(`patient.age.${age.unit}`, age.count) : "",
    sexKey ? t(sexKey) : "",
  ]
    .filter((part) => part !== "")
    .join(", ");
}
