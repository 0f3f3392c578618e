/** A study's row in the worklist, kept for when the node cannot be asked for it. */

import type { SeriesSummary } from "@/dicomweb/client";
import { Tag, text, type Dataset } from "@/dicomweb/json";
import { SURE } from "@/model/doubt";
import type { WorklistStudy } from "@/model/worklistStudy";

/** The worklist's own row where the study is in it; else what the study says of itself, of which reading and priority are not. */
export function rowOf(dataset: Dataset, series: readonly SeriesSummary[], known: readonly WorklistStudy[]): WorklistStudy | undefined {
  const [first] = series;
  if (!first) return undefined;
  const numbers = {
    modalities: [...new Set(series.map(({ modality }) => modality).filter((modality) => modality !== ""))].toSorted(),
    numberOfSeries: series.length,
    numberOfInstances: series.reduce((sum, { numberOfInstances }) => sum + numberOfInstances, 0),
  };
  const listed = known.find(({ studyInstanceUid }) => studyInstanceUid === first.studyInstanceUid);
  const named = {
    studyInstanceUid: first.studyInstanceUid,
    patientName: text(dataset, Tag.PatientName),
    patientId: text(dataset, Tag.PatientID),
    issuerOfPatientId: text(dataset, Tag.IssuerOfPatientID),
    patientBirthDate: text(dataset, Tag.PatientBirthDate),
    patientSex: text(dataset, Tag.PatientSex),
    studyDate: text(dataset, Tag.StudyDate),
    studyTime: text(dataset, Tag.StudyTime),
    description: text(dataset, Tag.StudyDescription),
  };
  return {
    accessionNumber: text(dataset, Tag.AccessionNumber),
    receivedAt: "",
    priority: "routine",
    reason: {},
    prioritySource: "",
    conflicts: 0,
    doubt: SURE,
    referringPhysician: "",
    institution: "",
    reading: { state: "unread", by: "", at: "", until: "" },
    ...listed,
    ...named,
    ...numbers,
  };
}
