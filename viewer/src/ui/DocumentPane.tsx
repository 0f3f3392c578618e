import { Tag, text, type Dataset } from "@/dicomweb/json";
import { reportTree, type ReportLine } from "@/dicomweb/report";
import { t } from "@/i18n";
import { formatDate, formatTime } from "@/i18n/format";
import { Icon } from "@/ui/icons";
import { objectKind } from "@/ui/objectKinds";
import type { PaneProps } from "@/ui/paneProps";

/** The objects of a series without pictures: what they are, and the text of those that are text. */
export function DocumentPane({ pane }: PaneProps) {
  return (
    <div class="cards" data-testid="object-cards">
      <p class="muted">{t("card.noPictures")}</p>
      {pane.content.value.others.map((dataset) => (
        <ObjectCard key={text(dataset, Tag.SOPInstanceUID)} dataset={dataset} />
      ))}
    </div>
  );
}

function ObjectCard({ dataset }: { readonly dataset: Dataset }) {
  const kind = objectKind(text(dataset, Tag.SOPClassUID), text(dataset, Tag.Modality));
  const report = reportTree(dataset);
  const title = text(dataset, Tag.DocumentTitle) || report?.name || text(dataset, Tag.SeriesDescription);
  const date = formatDate(text(dataset, Tag.ContentDate));
  const time = formatTime(text(dataset, Tag.ContentTime));
  return (
    <article class="card" data-testid="object-card">
      <Icon name={kind.icon} />
      <div>
        <h2>{t(kind.label)}</h2>
        {title && <p>{title}</p>}
        <p class="muted">{[date, time].filter((part) => part !== "").join(" ")}</p>
        {report ? <ReportLines lines={report.children} /> : <p class="muted">{t("card.kept")}</p>}
      </div>
    </article>
  );
}

function ReportLines({ lines }: { readonly lines: readonly ReportLine[] }) {
  if (lines.length === 0) return null;
  return (
    <ul class="report">
      {lines.map((line, index) => (
        <li key={index}>
          {line.name && <span class="muted">{line.name}: </span>}
          {line.value}
          <ReportLines lines={line.children} />
        </li>
      ))}
    </ul>
  );
}
