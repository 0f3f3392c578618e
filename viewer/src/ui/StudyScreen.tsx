import { useEffect, useState } from "preact/hooks";

import { Tag, text } from "@/dicomweb/json";
import { counted, t } from "@/i18n";
import { formatDate } from "@/i18n/format";
import type { App } from "@/model/app";
import { painted } from "@/model/painted";
import { WORKLIST_LINK, sendLink } from "@/model/route";
import type { OpenStudy } from "@/model/study";
import { Workspace } from "@/model/workspace";
import { Dialogs } from "@/ui/Dialogs";
import { TriageNote } from "@/triage/TriageNote";
import { DoubtNote } from "@/ui/DoubtMark";
import { ExportDialog } from "@/ui/ExportDialog";
import { LanguageSelect } from "@/ui/LanguageSelect";
import { LazyRejection } from "@/ui/LazyRejection";
import { LeaveGuard } from "@/ui/LeaveGuard";
import { LiveMark } from "@/ui/LiveMark";
import { Icon } from "@/ui/icons";
import { loadViewport } from "@/ui/lazyViewport";
import { patientFacts } from "@/ui/patient";
import { ReadingControl } from "@/ui/ReadingControl";
import { SavingNotice } from "@/ui/SavingNotice";
import { SeriesStrip } from "@/ui/SeriesStrip";
import { Stage } from "@/ui/Stage";
import { TimelineSheet } from "@/ui/TimelineSheet";
import { Toolbar } from "@/ui/Toolbar";
import { useLayer } from "@/ui/useLayer";
import "@/ui/study.css";
import "@/ui/phone.css";
import "@/ui/patientTitle.css";
import "@/ui/landscape.css";
import "@/ui/toolLabels.css";
import "@/ui/fullScreen.css";

interface StudyScreenProps {
  readonly app: App;
  readonly study: OpenStudy;
}

export function StudyScreen({ app, study }: StudyScreenProps) {
  const [workspace] = useState(() => new Workspace(study, app.preferences, app.session.stores, app.session.exports, app.session.rejects));
  const [exporting, setExporting] = useState(false);
  const name = usePatientName(study);
  useEffect(() => {
    document.title = `${name} · Suret`;
  }, [name]);
  useEffect(() => {
    if (!study.firstPicture.settled.value) return;
    // to compile it takes as long as to show the picture: it waits its turn
    void painted().then(loadViewport).then((module) => workspace.saving.attach(module), () => {}); // told where it is needed
  }, [study.firstPicture.settled.value]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (app.session.isOpen.peek()) workspace.key(event);
    };
    document.addEventListener("keydown", onKey);
    return () => {
      document.removeEventListener("keydown", onKey);
      workspace.close();
    };
  }, [workspace]);
  useLayer(workspace.fullScreen.on.value, () => workspace.fullScreen.leave());
  if (study.isUnknown.value) return <UnknownStudy />;
  return (
    <div class="study-screen" data-testid="study" data-alone={workspace.fullScreen.on.value} data-bars={workspace.fullScreen.bars.value}>
      <header class="top-bar">
        <a class="button quiet back" href={WORKLIST_LINK} data-testid="back" title={t("study.back")}>
          <Icon name="back" />
          <span class="back-word">{t("study.back")}</span>
        </a>
        <PatientTitle study={study} open={() => void app.timeline.open(study.studyInstanceUid)} />
        <DoubtNote doubt={app.doubt.value} />
        <TriageNote raised={app.urgency.raised.value} />
        <button
          type="button"
          class="button quiet timeline-icon"
          data-testid="timeline-open"
          title={t("timeline.heading")}
          onClick={() => void app.timeline.open(study.studyInstanceUid)}
        >
          <Icon name="history" />
          <span class="hidden-label">{t("timeline.heading")}</span>
        </button>
        <PriorNote workspace={workspace} />
        <span class="spacer" />
        <SaveButton workspace={workspace} />
        {app.holding.value && <ReadingControl holding={app.holding.value} />}
        {app.session.forwards.value && (
          <a class="button quiet" href={sendLink(study.studyInstanceUid)} data-testid="send-link" title={t("queue.send")}>
            <Icon name="transfer" />
            <span class="hidden-label">{t("queue.send")}</span>
          </a>
        )}
        {app.session.exports.value && (
          <button
            type="button"
            class="button quiet wide-only"
            data-testid="pictures-open"
            title={`${t("tool.pictures.explain")} (F2)`}
            disabled={!workspace.active.value.controls.value || !workspace.active.value.frame.value}
            onClick={() => workspace.press("pictures")}
          >
            <Icon name="pictures" />
            <span class="hidden-label">{t("tool.pictures")}</span>
          </button>
        )}
        {app.session.exports.value && (
          <button type="button" class="button quiet" data-testid="export-open" title={t("export.zip")} onClick={() => setExporting(true)}>
            <Icon name="download" />
            <span class="hidden-label">{t("export.zip")}</span>
          </button>
        )}
        <LiveMark live={app.live} />
        <LanguageSelect />
      </header>
      <SeriesStrip workspace={workspace} />
      <main class="reading">
        <WithdrawnNotice study={study} />
        <SavingNotice workspace={workspace} />
        <Toolbar workspace={workspace} />
        <Stage workspace={workspace} />
        <Dialogs workspace={workspace} />
        <TimelineSheet timeline={app.timeline} />
        <LeaveGuard workspace={workspace} />
        {workspace.rejecting.value && <LazyRejection app={app} workspace={workspace} />}
        {exporting && <ExportDialog workspace={workspace} close={() => setExporting(false)} />}
      </main>
    </div>
  );
}

/** That the patient was examined before, or elsewhere: a press lists what there is to compare. */
function PriorNote({ workspace }: { readonly workspace: Workspace }) {
  const { comparing } = workspace;
  const [all, earlier] = [comparing.priors.value?.length ?? 0, comparing.earlierCount];
  if (all === 0) return null;
  return (
    <button type="button" class="button prior-note" data-testid="prior-note" onClick={() => workspace.press("compare")}>
      {earlier > 0 ? counted("compare.earlierCount", earlier) : counted("compare.others", all)}
    </button>
  );
}

/** On a phone the tool that saves stands in a menu: what is unsaved is saved from here, with one press. */
function SaveButton({ workspace }: { readonly workspace: Workspace }) {
  const { saving } = workspace;
  if (!saving.unsaved.value || !workspace.maySave.value) return null;
  return (
    <button
      type="button"
      class="button phone-only save-button"
      data-testid="save-unsaved"
      title={t("tool.save.explain")}
      disabled={saving.state.value.kind === "saving"}
      onClick={() => void saving.save()}
    >
      <Icon name="save" />
      <span class="hidden-label">{t("tool.save.explain")}</span>
    </button>
  );
}

/** An address that leads nowhere: what was sent to another node, or has been deleted. */
function UnknownStudy() {
  return (
    <main class="waiting">
      <div class="note" role="alert" data-testid="study-unknown">
        <Icon name="warning" />
        <div>
          <p class="note-title">{t("study.unknown")}</p>
          <p class="muted">{t("study.unknown.explain")}</p>
          <a class="button primary" href={WORKLIST_LINK}>
            {t("study.back")}
          </a>
        </div>
      </div>
    </main>
  );
}

/** What is on the screen is no longer in the archive. */
function WithdrawnNotice({ study }: { readonly study: OpenStudy }) {
  if (!study.isWithdrawn.value) return null;
  return (
    <div class="withdrawn" role="alert" data-testid="study-withdrawn">
      <Icon name="warning" />
      <span>{t("study.withdrawn")}</span>
    </div>
  );
}

function usePatientName(study: OpenStudy): string {
  const { value: dataset } = study.dataset;
  const name = dataset && text(dataset, Tag.PatientName);
  return name ?? t("app.loading");
}

interface TitleProps {
  readonly study: OpenStudy;
  /** Show the patient's other studies: on a phone the name alone has room to be pressed. */
  open(): void;
}

function PatientTitle({ study, open }: TitleProps) {
  const { value: dataset } = study.dataset;
  if (!dataset) return null;
  const studyDate = text(dataset, Tag.StudyDate);
  const facts = patientFacts({
    birthDate: text(dataset, Tag.PatientBirthDate),
    sex: text(dataset, Tag.PatientSex),
    studyDate,
  });
  const id = text(dataset, Tag.PatientID);
  const studied = [formatDate(studyDate), text(dataset, Tag.StudyDescription)].filter((part) => part !== "");
  return (
    <h1 class="patient-title" data-testid="patient-title">
      <button type="button" class="patient-name name-button" data-testid="name-timeline" title={t("timeline.heading")} onClick={open}>
        <Icon name="history" />
        {text(dataset, Tag.PatientName) || t("patient.unnamed")}
      </button>
      <span class="muted patient-details">
        {id && <span class="patient-id">{id}</span>}
        {facts && <span class="patient-facts">{id ? ` · ${facts}` : facts}</span>}
      </span>
      <span class="muted studied">{studied.join(" · ")}</span>
    </h1>
  );
}
