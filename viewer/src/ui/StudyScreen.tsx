import { useEffect, useState } from "preact/hooks";

import { Tag, text } from "@/dicomweb/json";
import { t } from "@/i18n";
import { formatDate } from "@/i18n/format";
import type { App } from "@/model/app";
import { WORKLIST_LINK, sendLink } from "@/model/route";
import type { OpenStudy } from "@/model/study";
import { FailureNote } from "@/ui/FailureNote";
import { LanguageSelect } from "@/ui/LanguageSelect";
import { LiveMark } from "@/ui/LiveMark";
import { Icon } from "@/ui/icons";
import { ObjectCards } from "@/ui/ObjectCards";
import { patientFacts } from "@/ui/patient";
import { SeriesStrip } from "@/ui/SeriesStrip";
import { Toolbar } from "@/ui/Toolbar";
import { ViewportPane } from "@/ui/ViewportPane";
import { Reading } from "@/ui/reading";

interface StudyScreenProps {
  readonly app: App;
  readonly study: OpenStudy;
}

export function StudyScreen({ app, study }: StudyScreenProps) {
  const [reading] = useState(() => new Reading(study));
  const name = usePatientName(study);
  useEffect(() => {
    document.title = `${name} · Suret`;
  }, [name]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => reading.key(event);
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [reading]);
  return (
    <div class="study-screen" data-testid="study">
      <header class="top-bar">
        <a class="button quiet back" href={WORKLIST_LINK} data-testid="back" title={t("study.back")}>
          <Icon name="back" />
          <span class="back-word">{t("study.back")}</span>
        </a>
        <PatientTitle study={study} />
        <span class="spacer" />
        {app.session.forwards.value && (
          <a class="button quiet" href={sendLink(study.studyInstanceUid)} data-testid="send-link" title={t("queue.send")}>
            <Icon name="transfer" />
            <span class="hidden-label">{t("queue.send")}</span>
          </a>
        )}
        <LiveMark live={app.live} />
        <LanguageSelect />
      </header>
      <SeriesStrip study={study} />
      <main class="reading">
        <Toolbar reading={reading} study={study} />
        <Content study={study} reading={reading} />
      </main>
    </div>
  );
}

function usePatientName(study: OpenStudy): string {
  const { value: dataset } = study.dataset;
  const name = dataset && text(dataset, Tag.PatientName);
  return name ?? t("app.loading");
}

function PatientTitle({ study }: { readonly study: OpenStudy }) {
  const { value: dataset } = study.dataset;
  if (!dataset) return null;
  const studyDate = text(dataset, Tag.StudyDate);
  const facts = patientFacts({
    birthDate: text(dataset, Tag.PatientBirthDate),
    sex: text(dataset, Tag.PatientSex),
    studyDate,
  });
  const details = [text(dataset, Tag.PatientID), facts].filter((part) => part !== "");
  const studied = [formatDate(studyDate), text(dataset, Tag.StudyDescription)].filter((part) => part !== "");
  return (
    <h1 class="patient-title" data-testid="patient-title">
      <span class="patient-name">{text(dataset, Tag.PatientName) || t("patient.unnamed")}</span>
      <span class="muted">{details.join(" · ")}</span>
      <span class="muted studied">{studied.join(" · ")}</span>
    </h1>
  );
}

function Content({ study, reading }: { readonly study: OpenStudy; readonly reading: Reading }) {
  const { value: content } = study.content;
  if (study.failure.value) {
    return (
      <div class="stage">
        <FailureNote failure={study.failure.value} retry={() => void study.retry()} />
      </div>
    );
  }
  if (content.frames.length > 0) return <ViewportPane key={study.studyInstanceUid} study={study} reading={reading} />;
  if (study.contentLoaded.value) return <ObjectCards objects={content.others} />;
  const empty = !study.loading.value && study.series.value.length === 0;
  return (
    <div class="stage waiting-stage" aria-busy={!empty}>
      <p class="muted" role="status">
        {t(empty ? "study.empty" : "app.loading")}
      </p>
    </div>
  );
}
