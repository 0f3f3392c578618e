import { useEffect, useRef } from "preact/hooks";

import { counted, n, t } from "@/i18n";
import { formatDate, formatMoment, formatTime } from "@/i18n/format";
import type { PlainKey } from "@/i18n/catalogue";
import { studyLink } from "@/model/route";
import type { Worklist, WorklistStudy } from "@/model/worklist";
import { PriorityMark } from "@/triage/PriorityMark";
import { Icon } from "@/ui/icons";
import { patientFacts } from "@/ui/patient";

const COLUMNS: readonly { readonly name: string; readonly label: PlainKey }[] = [
  { name: "priority", label: "worklist.column.priority" },
  { name: "patient", label: "worklist.column.patient" },
  { name: "date", label: "worklist.column.date" },
  { name: "modality", label: "worklist.column.modality" },
  { name: "study", label: "worklist.column.study" },
  { name: "accession", label: "worklist.column.accession" },
  { name: "images", label: "worklist.column.images" },
  { name: "received", label: "worklist.column.received" },
];

/** The studies as a grid on a workstation and as cards on a phone: the same elements, laid out by the style sheet. */
export function Rows({ worklist }: { readonly worklist: Worklist }) {
  const grid = useRef<HTMLDivElement>(null);
  const studies = worklist.studies.value;
  const loaded = worklist.loaded.value;
  useEffect(() => {
    if (loaded && worklist.lastOpened) focusRow(grid.current, worklist.lastOpened);
  }, [loaded, worklist]);
  return (
    <div
      ref={grid}
      class={worklist.selection.value ? "rows selecting" : "rows"}
      role="grid"
      tabIndex={-1}
      aria-label={t("worklist.heading")}
      aria-busy={worklist.loading.value}
      aria-rowcount={worklist.total.value + 1}
      data-testid="worklist"
      onKeyDown={moveFocus}
    >
      <div class="row row-head" role="row">
        {COLUMNS.map(({ name, label }) => (
          <span key={name} class={`cell cell-${name}`} role="columnheader">
            {t(label)}
          </span>
        ))}
      </div>
      {studies.map((study, index) => (
        <Row
          key={study.studyInstanceUid}
          study={study}
          fresh={worklist.fresh.value.has(study.studyInstanceUid)}
          selected={worklist.selection.value?.has(study.studyInstanceUid)}
          choose={() => choose(worklist, study.studyInstanceUid)}
          tabbable={index === 0}
        />
      ))}
    </div>
  );
}

const ROW = "[data-testid=worklist-row]";

export function focusFirstRow(place: HTMLElement | null): void {
  place?.querySelector<HTMLElement>(ROW)?.focus();
}

function focusRow(grid: HTMLElement | null, studyInstanceUid: string): void {
  const row = [...(grid?.querySelectorAll<HTMLElement>(ROW) ?? [])].find(
    ({ dataset }) => dataset["studyUid"] === studyInstanceUid,
  );
  row?.focus();
}

function moveFocus(event: KeyboardEvent): void {
  if (!(event.target instanceof HTMLElement) || !event.target.matches(ROW)) return;
  const rows = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>(ROW)];
  const at = rows.indexOf(event.target);
  const targets: Readonly<Record<string, number>> = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: rows.length - 1 };
  const target = targets[event.key];
  if (target === undefined) return;
  event.preventDefault();
  rows[target]?.focus();
}

/** Open the study, or take it into the selection while there is one. */
function choose(worklist: Worklist, studyInstanceUid: string): void {
  if (worklist.selection.peek()) worklist.select(studyInstanceUid);
  else location.hash = studyLink(studyInstanceUid);
}

interface RowProps {
  readonly study: WorklistStudy;
  readonly fresh: boolean;
  /** Undefined while nothing is selected here. */
  readonly selected: boolean | undefined;
  choose(): void;
  /** The one row that the Tab key reaches; the arrows go on from there. */
  readonly tabbable: boolean;
}

function Row({ study, fresh, selected, choose, tabbable }: RowProps) {
  const facts = patientFacts({ birthDate: study.patientBirthDate, sex: study.patientSex, studyDate: study.studyDate });
  return (
    <div
      class={fresh ? "row row-fresh" : "row"}
      aria-selected={selected}
      role="row"
      tabIndex={tabbable ? 0 : -1}
      data-testid="worklist-row"
      data-study-uid={study.studyInstanceUid}
      onClick={choose}
      onKeyDown={(event) => event.key === "Enter" && choose()}
    >
      <span class="cell cell-priority" role="gridcell">
        <PriorityMark study={study} />
      </span>
      <span class="cell cell-patient" role="gridcell">
        <span class="patient-name">
          {study.patientName || t("patient.unnamed")}
          {fresh && <span class="fresh">{t("worklist.fresh")}</span>}
        </span>
        <span class="muted">{[study.patientId, facts].filter((part) => part !== "").join(" · ")}</span>
      </span>
      <span class="cell cell-date" role="gridcell">
        <span>{formatDate(study.studyDate) || "—"}</span> <span class="muted">{formatTime(study.studyTime)}</span>
      </span>
      <span class="cell cell-modality" role="gridcell">
        {study.modalities.map((modality) => (
          <span class="modality" key={modality}>
            {modality}
          </span>
        ))}
      </span>
      <span class="cell cell-study" role="gridcell">
        <span class="description">{study.description || "—"}</span>
        {study.conflicts > 0 && (
          <span class="conflicts" title={counted("worklist.conflicts", study.conflicts)}>
            <Icon name="warning" />
            <span class="hidden-label">{counted("worklist.conflicts", study.conflicts)}</span>
          </span>
        )}
      </span>
      <span class="cell cell-accession muted" role="gridcell">
        {study.accessionNumber}
      </span>
      <span class="cell cell-images" role="gridcell">
        {n(study.numberOfInstances)}
        <span class="muted"> / {n(study.numberOfSeries)}</span>
      </span>
      <span class="cell cell-received muted" role="gridcell">
        {formatMoment(study.receivedAt, new Date())}
      </span>
    </div>
  );
}
