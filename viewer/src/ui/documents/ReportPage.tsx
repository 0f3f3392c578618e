/** A structured report or a selection of key images: headings, sentences, measurements, and the images it speaks of. */

import { useState } from "preact/hooks";

import { objectPath, type SeriesSummary } from "@/dicomweb/client";
import { reportLanguage, reportState, reportTree, type ReportLine, type ReportReference } from "@/dicomweb/report";
import { isLanguage, language, LANGUAGES, t } from "@/i18n";
import { formatDate, formatTime } from "@/i18n/format";
import { openImage } from "@/model/openImage";
import type { PageProps } from "@/ui/documents/DocumentPane";
import { Icon } from "@/ui/icons";
import { KeptPicture } from "@/ui/KeptPicture";
import type { PaneProps } from "@/ui/paneProps";
import { Scroll } from "@/ui/documents/Scroll";

const DATE_DIGITS = 8;
const PICTURE = "thumbnail?viewport=96,96";

export function ReportPage({ workspace, pane, dataset }: PageProps) {
  const report = reportTree(dataset);
  if (!report) return null;
  const { complete, verified, observers } = reportState(dataset);
  const { code, name } = reportLanguage(dataset);
  const spoken = code.slice(0, 2).toLowerCase();
  const written = isLanguage(spoken) ? LANGUAGES[spoken] : name;
  return (
    <Scroll label={report.name || t("card.report")}>
      <article class="report-page" data-testid="report" lang={code || undefined}>
        <p class="report-state" lang={language.value}>
          {complete !== undefined && <span class="badge">{t(complete ? "report.complete" : "report.partial")}</span>}
          {verified !== undefined && <span class="badge">{t(verified ? "report.verified" : "report.unverified")}</span>}
          {written && (
            <span class="badge" data-testid="report-language">
              {t("session.language")}: <span lang={code || undefined}>{written}</span>
            </span>
          )}
          {observers.map(({ name, moment }) => (
            <span key={name + moment} class="muted">
              {t("report.verifiedBy", { name })} {formatDate(moment.slice(0, DATE_DIGITS))} {formatTime(moment.slice(DATE_DIGITS))}
            </span>
          ))}
        </p>
        {report.children.length === 0 && <p class="muted">{t("report.empty")}</p>}
        <Lines lines={report.children} workspace={workspace} pane={pane} level={3} />
      </article>
    </Scroll>
  );
}

interface LinesProps extends PaneProps {
  readonly lines: readonly ReportLine[];
  /** Of the headings here. */
  readonly level: number;
}

function Lines({ lines, level, ...panes }: LinesProps) {
  return (
    <>
      {lines.map((line, index) =>
        line.heads ? (
          <section key={index} class="report-part">
            {line.name && <Heading level={level} words={line.name} />}
            <Lines lines={line.children} level={level + 1} {...panes} />
          </section>
        ) : (
          <div key={index} class="report-line">
            {line.name && <span class="muted">{line.name}: </span>}
            <span class="report-value">{line.value}</span>
            {line.reference && <Reference reference={line.reference} {...panes} />}
            {line.children.length > 0 && (
              <div class="report-below">
                <Lines lines={line.children} level={level} {...panes} />
              </div>
            )}
          </div>
        ),
      )}
    </>
  );
}

function Heading({ level, words }: { readonly level: number; readonly words: string }) {
  const Tag = `h${Math.min(level, 6)}` as "h3" | "h4" | "h5" | "h6";
  return <Tag>{words}</Tag>;
}

/** An image that the report names: to be opened where it is in this study, else said. */
function Reference({ workspace, pane, reference }: PaneProps & { readonly reference: ReportReference }) {
  const { sopInstanceUid, seriesInstanceUid, frameNumber } = reference;
  const [missing, setMissing] = useState(false);
  const series = workspace.study.series.value.find((one) => one.seriesInstanceUid === seriesInstanceUid);
  if (!series) return <span class="muted">{t("report.elsewhere")}</span>;
  return (
    <button
      type="button"
      class="button report-image"
      data-testid="report-image"
      onClick={() => openImage(workspace, pane, series, sopInstanceUid, frameNumber)}
    >
      {reference.isImage && !missing ? (
        <KeptPicture path={pictureOf(series, reference)} alt="" failed={() => setMissing(true)} />
      ) : (
        <Icon name={reference.isImage ? "image" : "document"} />
      )}
      {t(reference.isImage ? "report.image" : "report.object")}
    </button>
  );
}

function pictureOf(series: SeriesSummary, { sopInstanceUid, frameNumber }: ReportReference): string {
  const object = objectPath(series.studyInstanceUid, series.seriesInstanceUid, sopInstanceUid);
  return frameNumber === undefined ? `${object}/${PICTURE}` : `${object}/frames/${frameNumber}/${PICTURE}`;
}
