/** A patient's studies by date, over the list or the images; a press opens one. */

import { counted, t } from "@/i18n";
import { formatDate, formatTime } from "@/i18n/format";
import { isDoubtful, type Person } from "@/model/priors";
import { studyLink } from "@/model/route";
import type { Timeline } from "@/model/timeline";
import type { WorklistStudy } from "@/model/worklistStudy";
import { Dialog } from "@/ui/Dialog";
import { FailureNote } from "@/ui/FailureNote";
import { patientFacts } from "@/ui/patient";
import { ReadingMark } from "@/worklist/ReadingMark";

export function TimelineSheet({ timeline }: { readonly timeline: Timeline }) {
  const of = timeline.of.value;
  return of === "" ? null : <Sheet key={of} timeline={timeline} of={of} />;
}

function Sheet({ timeline, of }: { readonly timeline: Timeline; readonly of: string }) {
  const studies = timeline.studies.value;
  const [newest] = studies ?? [];
  const asked = studies?.find(({ studyInstanceUid }) => studyInstanceUid === of) ?? newest;
  return (
    <Dialog label={t("timeline.heading")} name="timeline" class="timeline" close={() => timeline.close()}>
      <header>
        <h2>{asked?.patientName || t("timeline.heading")}</h2>
        <span class="muted">{asked && facts(asked)}</span>
        <form method="dialog">
          <button type="submit" class="button" data-testid="timeline-close">
            {t("dialog.close")}
          </button>
        </form>
      </header>
      {timeline.failure.value && <FailureNote failure={timeline.failure.value} retry={() => void timeline.open(of)} />}
      {!studies && !timeline.failure.value && <p role="status">{t("app.loading")}</p>}
      <ol>
        {studies?.map((study, index) => (
          <TimelineEntry key={study.studyInstanceUid} study={study} before={studies[index - 1]} isThis={study.studyInstanceUid === of} person={asked} timeline={timeline} />
        ))}
      </ol>
      {studies && timeline.total.value > studies.length && <p class="muted">{counted("worklist.count.least", studies.length)}</p>}
    </Dialog>
  );
}

function facts(study: WorklistStudy): string {
  const known = patientFacts({ birthDate: study.patientBirthDate, sex: study.patientSex, studyDate: study.studyDate });
  return [study.patientId, study.issuerOfPatientId, known].filter((part) => part !== "").join(" · ");
}

interface EntryProps {
  readonly study: WorklistStudy;
  readonly before: WorklistStudy | undefined;
  readonly isThis: boolean;
  /** Whose studies were asked for. */
  readonly person: Person | undefined;
  readonly timeline: Timeline;
}

function TimelineEntry({ study, before, isThis, person, timeline }: EntryProps) {
  const year = study.studyDate.slice(0, 4);
  return (
    <>
      {year !== before?.studyDate.slice(0, 4) && (
        <li class="timeline-year" aria-hidden="true">
          {year || t("timeline.undated")}
        </li>
      )}
      <li class="timeline-study" aria-current={isThis ? "true" : undefined}>
        <a href={studyLink(study.studyInstanceUid)} data-testid="timeline-study" onClick={() => timeline.close()}>
          <span class="timeline-date">
            {formatDate(study.studyDate) || t("timeline.undated")} <span class="muted">{formatTime(study.studyTime)}</span>
          </span>
          <span class="timeline-modalities">
            {study.modalities.map((modality) => (
              <span class="modality" key={modality}>
                {modality}
              </span>
            ))}
          </span>
          <span class="timeline-words">
            {study.description || "—"} <span class="muted">{counted("timeline.images", study.numberOfInstances)}</span>{" "}
            {isThis && <span class="fresh">{t("timeline.this")}</span>}
            {person && isDoubtful(person, study) && (
              <span class="caution" data-testid="timeline-doubtful">
                {t("compare.doubtful", { name: study.patientName })}
              </span>
            )}
          </span>
          <ReadingMark reading={study.reading} />
        </a>
      </li>
    </>
  );
}
