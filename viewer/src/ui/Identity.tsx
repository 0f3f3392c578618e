/** Whose picture it is, of which examination, from which side: the same words in every kind of viewport. */

import type { ComponentChildren } from "preact";

import type { Frame } from "@/dicomweb/frames";
import { Tag, text, type Dataset } from "@/dicomweb/json";
import { lateralityOf, needsSide, turningOf, viewOf, type SlicePosition } from "@/dicomweb/projection";
import { n, t } from "@/i18n";
import { formatDate, formatTime } from "@/i18n/format";
import type { Pane } from "@/model/pane";
import { OtherStudy } from "@/ui/CompareMenu";
import { Icon } from "@/ui/icons";
import type { PaneProps } from "@/ui/paneProps";
import { patientFacts } from "@/ui/patient";
import { seriesTitle } from "@/ui/seriesTitle";
import "@/ui/overlay.css";

interface PatientCornerProps {
  readonly dataset: Dataset;
  readonly children?: ComponentChildren;
}

export function PatientCorner({ dataset, children }: PatientCornerProps) {
  const facts = patientFacts({
    birthDate: text(dataset, Tag.PatientBirthDate),
    sex: text(dataset, Tag.PatientSex),
    studyDate: text(dataset, Tag.StudyDate),
  });
  return (
    <div class="corner top-left" data-testid="pane-patient">
      <span>{text(dataset, Tag.PatientName) || t("patient.unnamed")}</span>
      <span>{text(dataset, Tag.PatientID)}</span>
      <span class="said-above">{facts}</span>
      {children}
    </div>
  );
}

interface StudyCornerProps extends PaneProps {
  /** An image of what is shown. */
  readonly frame: Pick<Frame, "dataset" | "studyInstanceUid">;
  /** Whether more than the side is told. */
  readonly all: boolean;
  /** What else is said of the picture. */
  readonly children?: ComponentChildren;
}

export function StudyCorner({ workspace, pane, frame, all, children }: StudyCornerProps) {
  const { dataset } = frame;
  const series = pane.showing.value?.series;
  const date = [formatDate(text(dataset, Tag.StudyDate)), formatTime(text(dataset, Tag.StudyTime))];
  return (
    <div class="corner top-right" data-testid="pane-study">
      <SideMark dataset={dataset} />
      {all && (
        <>
          <span data-identity>{date.join(" ").trim()}</span>
          <OtherStudy workspace={workspace} frame={frame} />
          <span class="said-elsewhere">{text(dataset, Tag.StudyDescription)}</span>
          {series && (
            <span class="said-elsewhere">
              {series.seriesNumber === undefined ? "" : `${t("viewport.series")} ${series.seriesNumber}: `}
              {seriesTitle(series)}
            </span>
          )}
          {children}
        </>
      )}
    </div>
  );
}

/** The side and the view, large: also where the reader wants no other texts. */
function SideMark({ dataset }: { readonly dataset: Dataset }) {
  const [side, view] = [lateralityOf(dataset), viewOf(dataset)];
  if (side === "" && needsSide(dataset)) {
    return (
      <span class="caution" data-testid="side-missing">
        {[t("projection.noSide"), view].join(" ").trim()}
      </span>
    );
  }
  if (side === "" && view === "") return null;
  return (
    <strong class="side-mark" data-testid="side-mark">
      {[side, view].filter((word) => word !== "").join("  ")}
    </strong>
  );
}

/** Where the slice lies along its normal. */
export function PositionText({ position }: { readonly position: SlicePosition | undefined }) {
  if (!position) return null;
  const { mm, towards } = position;
  return (
    <span data-testid="slice-position" data-mm={mm.toFixed(2)}>
      {t("viewport.position", { mm: towards ? `${towards} ${n(Math.abs(mm), 1)}` : n(mm, 1) })}
    </span>
  );
}

const OFFSET_LEAST_MM = 0.05; // less is told as 0

/** Whether the stack is scrolled with those beside it, and how far apart both are where they have no common space; a press changes it. */
export function LinkMark({ workspace, pane }: PaneProps) {
  const { linking, switches } = workspace;
  if (!linking.hasCompany(pane)) return null;
  const [on, offset] = [switches.linked.value, linking.offset(pane)];
  return (
    <button
      type="button"
      class="button link-mark"
      data-testid="link-mark"
      data-offset={offset?.toFixed(1)}
      aria-pressed={on}
      title={`${t("tool.linked.explain")} (B)`}
      onClick={() => workspace.press("linked")}
      onDblClick={(event) => event.stopPropagation()}
    >
      <Icon name="linked" />
      {on && offset !== undefined && Math.abs(offset) >= OFFSET_LEAST_MM ? t("linked.offset", { mm: n(offset, 1) }) : t(on ? `linked.${linking.basis(pane)}` : "linked.off")}
    </button>
  );
}

/** That the image does not lie as it was stored: the reader, or a display state, turned it. */
export function TurnedMark({ pane }: { readonly pane: Pane }) {
  const { flipped, degrees } = turningOf(pane.view.value.turned);
  const words = [
    flipped === "no" ? "" : t(`turned.${flipped}`),
    degrees === 0 ? "" : t("turned.rotated", { degrees }),
  ].filter((word) => word !== "");
  return words.length === 0 ? null : (
    <span class="badge turned-mark" data-testid="turned">
      {words.join(" · ")}
    </span>
  );
}
