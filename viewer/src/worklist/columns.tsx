/** What a column of the list is called, how wide it is, and what stands in it. */

import type { ComponentType } from "preact";

import { counted, n, t } from "@/i18n";
import type { PlainKey } from "@/i18n/catalogue";
import { formatDate, formatMoment, formatTime, toDa } from "@/i18n/format";
import type { ColumnName } from "@/model/listView";
import type { Timeline } from "@/model/timeline";
import type { OnDevice, WorklistStudy } from "@/model/worklistStudy";
import { PriorityMark } from "@/triage/PriorityMark";
import { DoubtMark } from "@/ui/DoubtMark";
import { Icon } from "@/ui/icons";
import { patientFacts } from "@/ui/patient";
import { ReadingMark, readingWords } from "@/worklist/ReadingMark";

export const LABELS: Readonly<Record<ColumnName, PlainKey>> = {
  reading: "worklist.column.reading",
  priority: "worklist.column.priority",
  patient: "worklist.column.patient",
  date: "worklist.column.date",
  modality: "worklist.column.modality",
  study: "worklist.column.study",
  accession: "worklist.column.accession",
  images: "worklist.column.images",
  received: "worklist.column.received",
  referring: "worklist.column.referring",
  institution: "worklist.column.institution",
};

/** What is the same in every row takes no room from what tells them apart: name and description. */
export const WIDTHS: Readonly<Record<ColumnName, string>> = {
  reading: "20px",
  priority: "minmax(84px, clamp(116px, 20vw - 104px, 220px))", // what AI gives as its reason makes the row high
  patient: "minmax(178px, 1.3fr)", // Әбдірахманова with spaced letters in one line
  date: "128px",
  modality: "98px",
  study: "minmax(164px, 1fr)", // MAMMOSCREENING with spaced letters in one line
  accession: "minmax(88px, 140px)", // sixteen digits, as many as it may have
  images: "74px",
  received: "84px",
  referring: "minmax(110px, 0.6fr)",
  institution: "minmax(110px, 0.6fr)",
};

interface CellProps {
  readonly study: WorklistStudy;
  /** It came while the list was open. */
  readonly fresh: boolean;
  readonly timeline: Timeline;
}

export const CELLS: Readonly<Record<ColumnName, ComponentType<CellProps>>> = {
  reading: ({ study }) => <ReadingMark reading={study.reading} />,
  priority: ({ study }) => <PriorityMark study={study} />,
  patient: PatientCell,
  date: ({ study }) => (
    <>
      <span>{formatDate(study.studyDate) || "—"}</span> <span class="muted">{formatTime(study.studyTime)}</span>
      <span class="in-card arrived">{arrivedWords(study)}</span>
    </>
  ),
  modality: ({ study }) => (
    <>
      {study.modalities.map((modality) => (
        <span class="modality" key={modality}>
          {modality}
        </span>
      ))}
    </>
  ),
  study: StudyCell,
  accession: ({ study }) => <Named column="accession" text={study.accessionNumber} />,
  images: ({ study }) => (
    <>
      <span class="in-table">
        {n(study.numberOfInstances)}
        <span class="muted"> / {n(study.numberOfSeries)}</span>
      </span>
      <span class="in-card">
        {counted("timeline.images", study.numberOfInstances)}
        <span class="muted"> · {counted("worklist.series", study.numberOfSeries)}</span>
      </span>
    </>
  ),
  received: ({ study }) => <>{formatMoment(study.receivedAt, new Date())}</>,
  referring: ({ study }) => <Named column="referring" text={study.referringPhysician} />,
  institution: ({ study }) => <Named column="institution" text={study.institution} />,
};

/** A card has no head that says what stands in it. */
function Named({ column, text }: { readonly column: ColumnName; readonly text: string }) {
  if (text === "") return null;
  return (
    <>
      <span class="in-card">{t(LABELS[column])} · </span>
      <span class="named" title={text}>
        {text}
      </span>
    </>
  );
}

/** When it came, where that was not on its own day: on a phone no column says so. */
function arrivedWords({ receivedAt, studyDate }: WorklistStudy): string {
  const moment = new Date(receivedAt);
  if (Number.isNaN(moment.getTime()) || toDa(moment) === studyDate) return "";
  return t("worklist.arrived", { when: formatMoment(receivedAt, new Date()) });
}

function PatientCell({ study, fresh, timeline }: CellProps) {
  const facts = patientFacts({ birthDate: study.patientBirthDate, sex: study.patientSex, studyDate: study.studyDate });
  return (
    <>
      <span class="patient-name">
        {study.patientName || t("patient.unnamed")}
        {fresh && <span class="fresh">{t("worklist.fresh")}</span>}
        <button
          type="button"
          class="timeline-open"
          data-testid="row-timeline"
          title={t("timeline.heading")}
          onClick={(event) => {
            event.stopPropagation();
            void timeline.open(study.studyInstanceUid);
          }}
          onKeyDown={(event) => event.stopPropagation()}
        >
          <Icon name="history" />
          <span class="hidden-label">{t("timeline.heading")}</span>
          <span class="in-card" aria-hidden="true">
            {t("timeline.short")}
          </span>
        </button>
      </span>
      <span class="muted">{[study.patientId, facts].filter((part) => part !== "").join(" · ")}</span>
      {study.reading.state === "reading" && (
        <span class="read-by" aria-hidden="true">
          {readingWords(study.reading)}
        </span>
      )}
      <DoubtMark doubt={study.doubt} />
      {study.onDevice && <DeviceMark study={study} onDevice={study.onDevice} />}
    </>
  );
}

/** The row is of a copy: since when, and how much of it there is. */
function DeviceMark({ study, onDevice }: { readonly study: WorklistStudy; readonly onDevice: OnDevice }) {
  const when = formatMoment(onDevice.fetchedAt, new Date());
  const explained = t("offline.mark.explain", { when, kept: onDevice.images, total: study.numberOfInstances });
  return (
    <span class="device-mark" data-testid="device-mark" title={explained}>
      {t("offline.mark", { when })}
      <span class="hidden-label">{explained}</span>
    </span>
  );
}

function StudyCell({ study }: CellProps) {
  return (
    <>
      <span class="description">{study.description || "—"}</span>
      {study.conflicts > 0 && (
        <span class="conflicts" title={counted("worklist.conflicts", study.conflicts)}>
          <Icon name="warning" />
          <span class="hidden-label">{counted("worklist.conflicts", study.conflicts)}</span>
        </span>
      )}
    </>
  );
}
