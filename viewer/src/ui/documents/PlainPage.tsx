/** What cannot be drawn: what it is, in plain words, what it says of itself, and that it is kept. */

import { items, Tag, text, type Dataset } from "@/dicomweb/json";
import { isPresentation, isShownHere } from "@/dicomweb/presentation";
import { t } from "@/i18n";
import type { PageProps } from "@/ui/documents/DocumentPane";
import { Icon } from "@/ui/icons";
import { objectKind } from "@/ui/objectKinds";
import { Scroll } from "@/ui/documents/Scroll";

// PS3.3: what objects of many kinds are called by those who made them
const NAMES = ["00700080", "30060002", "300A0002", "00420010", "0008103E"]; // content, structure set, plan, document, series
const ABOUT = ["00700081", "30060006", "300A0004"];
const REFERENCED_SERIES_SEQUENCE = "00081115";
const MANUFACTURER = "00080070";
const MODEL = "00081090";

export function PlainPage({ workspace, dataset }: PageProps) {
  const kind = objectKind(text(dataset, Tag.SOPClassUID), text(dataset, Tag.Modality));
  const referenced = items(dataset, REFERENCED_SERIES_SEQUENCE).length;
  return (
    <Scroll label={t(kind.label)}>
      <article class="plain-page" data-testid="object-card">
        <Icon name={kind.icon} />
        <div>
          <h3>{t(kind.label)}</h3>
          <p>{t(kind.words)}</p>
          <dl>
            <Fact name={t("doc.named")} value={firstOf(dataset, NAMES)} />
            <Fact name={t("doc.about")} value={firstOf(dataset, ABOUT)} />
            <Fact name={t("doc.madeBy")} value={`${text(dataset, MANUFACTURER)} ${text(dataset, MODEL)}`.trim()} />
            <Fact name={t("doc.refersTo")} value={referenced > 0 ? String(referenced) : ""} />
            <Fact name="SOP Class UID" value={text(dataset, Tag.SOPClassUID)} />
          </dl>
          {isPresentation(dataset) && isShownHere(dataset) && (
            <button type="button" class="button" data-testid="state-show" onClick={() => workspace.presenting.choose(dataset)}>
              <Icon name="image" />
              {t("states.show")}
            </button>
          )}
          <p class="muted">{t("card.kept")}</p>
        </div>
      </article>
    </Scroll>
  );
}

function firstOf(dataset: Dataset, tags: readonly string[]): string {
  return tags.map((tag) => text(dataset, tag)).find((value) => value !== "") ?? "";
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  if (value === "") return null;
  return (
    <>
      <dt class="muted">{name}</dt>
      <dd>{value}</dd>
    </>
  );
}
