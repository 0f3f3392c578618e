/** A series without a stack of images: its objects one by one, each in the form that people read. */

import { useMemo, useState } from "preact/hooks";

import { documentAddress, documentForm, type DocumentAddress, type DocumentForm } from "@/dicomweb/documents";
import { Tag, text, type Dataset } from "@/dicomweb/json";
import { isReport } from "@/dicomweb/report";
import { t } from "@/i18n";
import { formatDate, formatTime } from "@/i18n/format";
import { inReadingOrder } from "@/model/remarks";
import { PdfPage } from "@/ui/documents/PdfPage";
import { PlainPage } from "@/ui/documents/PlainPage";
import { ReportPage } from "@/ui/documents/ReportPage";
import { VideoPage } from "@/ui/documents/VideoPage";
import { WaveformPage } from "@/ui/documents/WaveformPage";
import { XmlPage } from "@/ui/documents/XmlPage";
import "@/ui/documents/documents.css";
import { Icon } from "@/ui/icons";
import { kindOfObject, objectTitle } from "@/ui/objectTitle";
import type { PaneProps } from "@/ui/paneProps";

/** What a page is given of its object. */
export interface PageProps extends PaneProps {
  readonly dataset: Dataset;
  readonly address: DocumentAddress;
}

const PAGES: Readonly<Record<DocumentForm, (props: PageProps) => preact.JSX.Element | null>> = {
  report: ReportPage,
  pdf: ({ address }) => <PdfPage source={address.rendered} />,
  xml: XmlPage,
  waveform: WaveformPage,
  video: VideoPage,
  model: PlainPage,
  none: PlainPage,
};

/** What another program is better at, and what is worth saving by itself. */
const OPENED: ReadonlySet<DocumentForm> = new Set(["pdf", "report", "waveform"]);
const SAVED: ReadonlySet<DocumentForm> = new Set(["pdf", "xml", "video", "model"]);

export function DocumentPane({ workspace, pane }: PaneProps) {
  const { frames } = pane.content.value;
  const { others, earlier } = useMemo(() => inReadingOrder(pane.content.value.others), [pane.content.value.others]);
  const series = pane.showing.value?.series;
  const [chosen, choose] = useState(0);
  const wanted = pane.showing.value?.options?.["object"];
  const named = others.findIndex((other) => text(other, Tag.SOPInstanceUID) === wanted);
  const index = named >= 0 ? named : Math.min(chosen, others.length - 1);
  const dataset = others[index];
  if (!series || !dataset) return null;
  const address = documentAddress(series, dataset);
  const form = documentForm(dataset);
  const Page = PAGES[form];
  return (
    // oxlint-disable-next-line jsx-a11y/no-static-element-interactions -- a double click chooses a word here
    <section class="document" data-testid="document" data-form={form} onDblClick={(event) => event.stopPropagation()}>
      <header class="document-bar">
        <Icon name={kindOfObject(dataset).icon} />
        <h2>{objectTitle(dataset)}</h2>
        <span class="muted">{momentOf(dataset)}</span>
        {earlier.has(dataset) && (
          <span class="badge caution-badge" data-testid="document-earlier">
            {t("doc.earlier")}
          </span>
        )}
        {others.length > 1 && (
          <span class="document-choice">
            <span aria-hidden="true">{`${index + 1}/${others.length}`}</span>
            <select
              aria-label={t("doc.objects")}
              data-testid="document-choice"
              value={index}
              onChange={(event) => {
                const at = Number(event.currentTarget.value);
                choose(at);
                if (named >= 0) workspace.show({ kind: "document", series, options: { object: text(others[at] ?? {}, Tag.SOPInstanceUID) } }, pane);
              }}
            >
              {others.map((other, at) => (
                <option key={text(other, Tag.SOPInstanceUID)} value={at}>
                  {[`${at + 1}/${others.length}`, objectTitle(other), isReport(other) ? momentOf(other) : "", earlier.has(other) ? t("doc.earlier") : ""]
                    .filter((part) => part !== "")
                    .join(" · ")}
                </option>
              ))}
            </select>
          </span>
        )}
        <span class="spacer" />
        {frames.length > 0 && (
          <button type="button" class="button quiet" data-testid="document-images" onClick={() => workspace.showSeries(series, pane)}>
            {t("volume.images")}
          </button>
        )}
        {OPENED.has(form) && (
          <a class="button quiet" href={address.rendered} target="_blank" rel="noopener" data-testid="document-open">
            {t("doc.open")}
          </a>
        )}
        {SAVED.has(form) && (
          <a class="button quiet" href={address.rendered} download={address.name} data-testid="document-save">
            {t("doc.save")}
          </a>
        )}
        <a class="button quiet" href={address.file} download data-testid="document-file">
          {t("doc.file")}
        </a>
      </header>
      <Page key={address.file} workspace={workspace} pane={pane} dataset={dataset} address={address} />
    </section>
  );
}

function momentOf(dataset: Dataset): string {
  const date = formatDate(text(dataset, Tag.ContentDate) || text(dataset, Tag.SeriesDate));
  return `${date} ${formatTime(text(dataset, Tag.ContentTime))}`.trim();
}
