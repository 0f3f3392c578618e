/** The patient's other studies: one click puts one beside what is read. */

import { useEffect } from "preact/hooks";

import type { Frame } from "@/dicomweb/frames";
import { Tag, text } from "@/dicomweb/json";
import { counted, t } from "@/i18n";
import { formatDate } from "@/i18n/format";
import { dateDistance, personOf, priorTitle, samenessOf } from "@/model/priors";
import type { Workspace } from "@/model/workspace";
import { BesideSwitch } from "@/ui/BesideSwitch";
import { Menu } from "@/ui/Menu";

/** How long before or after the study that is read, in words; "" when a date is missing. */
export function distanceWords(from: string, to: string): string {
  const distance = dateDistance(from, to);
  if (!distance) return "";
  if (distance.unit === "days" && distance.count === 0) return t("compare.sameDay");
  const length = counted(`compare.${distance.unit}`, distance.count);
  return t(distance.earlier ? "compare.earlier" : "compare.later", { length });
}

export function CompareMenu({ workspace }: { readonly workspace: Workspace }) {
  const { comparing } = workspace;
  useEffect(() => void comparing.look(), [comparing]);
  const priors = comparing.priors.value;
  const own = workspace.study.dataset.value;
  const date = own ? text(own, Tag.StudyDate) : "";
  return (
    <Menu workspace={workspace} label={t("tool.compare.explain")} class="compare-menu">
      {comparing.failed.value && <p class="muted">{t("compare.failed")}</p>}
      {priors === undefined && !comparing.failed.value && <p class="muted">{t("app.loading")}</p>}
      {priors?.length === 0 && (
        <p class="muted" data-testid="compare-nothing">
          {t("compare.nothing")}
        </p>
      )}
      {comparing.beside.value && workspace.panes.value.length > 1 && (
        <button type="button" role="menuitem" data-testid="compare-end" onClick={() => comparing.end()}>
          {t("compare.end")}
        </button>
      )}
      {priors?.map((prior) => (
        <button
          key={prior.studyInstanceUid}
          type="button"
          role="menuitem"
          data-testid="prior"
          data-study-uid={prior.studyInstanceUid}
          onClick={() => void comparing.show(prior)}
        >
          <span>
            {formatDate(prior.date)} {priorTitle(prior)}
          </span>
          <span class={prior.sameness === "same" ? "muted" : "caution"}>
            {prior.sameness === "same" ? distanceWords(date, prior.date) : t("compare.doubtful", { name: prior.patientName })}
          </span>
        </button>
      ))}
      {priors && priors.length > 0 && <BesideSwitch hanger={workspace.hanger} />}
    </Menu>
  );
}

interface OtherStudyProps {
  readonly workspace: Workspace;
  readonly frame: Pick<Frame, "dataset" | "studyInstanceUid">;
}

/** On a viewport with another study: how far away in time, and whether its objects name another patient. */
export function OtherStudy({ workspace, frame }: OtherStudyProps) {
  const { study } = workspace;
  const own = study.dataset.value;
  if (!own || frame.studyInstanceUid === study.studyInstanceUid) return null;
  // The objects' own words: the archive lists studies of one ID under one name.
  const read = workspace.panes.value.map((pane) => pane.frame.value).find((one) => one?.studyInstanceUid === study.studyInstanceUid);
  const doubtful = samenessOf(personOf(read?.dataset ?? own), personOf(frame.dataset)) !== "same";
  return (
    <>
      <span class="other-study" data-testid="other-study">
        {distanceWords(text(own, Tag.StudyDate), text(frame.dataset, Tag.StudyDate))}
      </span>
      {doubtful && (
        <span class="caution" role="alert" data-testid="other-patient" data-identity>
          {t("compare.doubtful", { name: text(frame.dataset, Tag.PatientName) || text(frame.dataset, Tag.PatientID) })}
        </span>
      )}
    </>
  );
}
