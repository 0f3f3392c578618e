/** Pictures on pages of A4: looked at here, printed as they stand (pictures.css: `@media print`). */

import { render } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { Tag, text } from "@/dicomweb/json";
import { n, t } from "@/i18n";
import { formatDate } from "@/i18n/format";
import type { PrintedPicture, Taking } from "@/pictures/taking";
import { giveBack } from "@/ui/Dialog";
import { useLayer } from "@/ui/useLayer";
import { useSize } from "@/ui/useSize";

/** Within the margins of a page of A4, below its header, mm. */
const ROOM_MM = { width: 190, height: 255 } as const;
/** Of a screen that shows a page of A4 in its own size, CSS pixels. */
const WHOLE_PX = 820;
const COLUMNS: Readonly<Record<number, number>> = { 1: 1, 2: 1, 4: 2, 6: 2, 9: 3, 12: 3 };

interface PrintSheetsProps {
  readonly taking: Taking;
  readonly sheets: readonly PrintedPicture[];
  close(): void;
}

function pagesOf<Item>(all: readonly Item[], each: number): Item[][] {
  return Array.from({ length: Math.ceil(all.length / each) }, (_, page) => all.slice(page * each, (page + 1) * each));
}

/** Beside the rest of the page: on paper nothing else is. */
export function PrintSheets(props: PrintSheetsProps) {
  const place = useRef<HTMLDivElement | undefined>(undefined);
  useEffect(() => {
    const made = document.createElement("div");
    made.className = "print-place";
    document.body.append(made);
    place.current = made;
    return () => {
      render(null, made);
      made.remove();
    };
  }, []);
  useEffect(() => {
    if (place.current) render(<Sheets {...props} />, place.current);
  });
  return null;
}

function Sheets({ taking, sheets, close }: PrintSheetsProps) {
  const { perPage } = taking.choices.value;
  const pages = pagesOf(sheets, perPage);
  const now = useRef<HTMLButtonElement>(null);
  const place = useRef<HTMLDivElement>(null);
  const [width] = useSize(place);
  useEffect(() => {
    const [beneath, before] = [document.getElementById("app"), document.activeElement];
    beneath?.setAttribute("inert", "");
    now.current?.focus();
    return () => {
      beneath?.removeAttribute("inert");
      giveBack(before);
    };
  }, []);
  useLayer(true, close, true);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
    };
    document.addEventListener("keydown", onKey, true);
    document.documentElement.classList.add("printing-pictures");
    return () => {
      document.removeEventListener("keydown", onKey, true);
      document.documentElement.classList.remove("printing-pictures");
    };
  }, []);
  return (
    <div ref={place} class="print-sheets" role="dialog" aria-modal="true" aria-label={t("pictures.print.heading")} data-testid="print-sheets">
      <div class="print-bar">
        <button ref={now} type="button" class="button primary" data-testid="print-now" onClick={() => print()}>
          {t("pictures.print.now")}
        </button>
        <button type="button" class="button" data-testid="print-close" onClick={close}>
          {t("dialog.close")}
        </button>
        {taking.choices.value.trueSize && <span>{t("pictures.print.trueSize")}</span>}
      </div>
      {pages.map((pictures, index) => (
        <section key={index} class="print-page" style={{ "--shown": width > 0 ? Math.min(1, width / WHOLE_PX) : 1 }} data-testid="print-page">
          <Header taking={taking} picture={pictures[0]} />
          <div class="print-grid" style={{ gridTemplateColumns: `repeat(${COLUMNS[perPage] ?? 1}, 1fr)`, gridTemplateRows: `repeat(${Math.ceil(perPage / (COLUMNS[perPage] ?? 1))}, minmax(0, 1fr))` }}>
            {pictures.map((picture) => (
              <Picture key={picture.url} picture={picture} trueSize={taking.choices.value.trueSize} />
            ))}
          </div>
          <footer class="print-footer">
            <span>{t("notForDiagnosis")}</span>
            <span>
              {n(index + 1)} / {n(pages.length)}
            </span>
          </footer>
        </section>
      ))}
    </div>
  );
}

function Header({ taking, picture }: { readonly taking: Taking; readonly picture: PrintedPicture | undefined }) {
  const dataset = picture?.dataset ?? {};
  const named = taking.choices.value.burned.identity;
  const study = [formatDate(text(dataset, Tag.StudyDate)), text(dataset, Tag.StudyDescription)].filter((part) => part !== "");
  return (
    <header class="print-header">
      {named ? (
        <>
          <strong>{text(dataset, Tag.PatientName) || t("patient.unnamed")}</strong>
          <span>{[text(dataset, Tag.PatientID), formatDate(text(dataset, Tag.PatientBirthDate))].filter((part) => part !== "").join(" · ")}</span>
          <span>{study.join(" · ")}</span>
        </>
      ) : (
        <strong>{t("pictures.print.anonymous")}</strong>
      )}
      <span>{text(dataset, Tag.Modality)}</span>
    </header>
  );
}

function Picture({ picture: { url, widthMm, heightMm }, trueSize }: { readonly picture: PrintedPicture; readonly trueSize: boolean }) {
  const fits = widthMm !== undefined && heightMm !== undefined && widthMm <= ROOM_MM.width && heightMm <= ROOM_MM.height;
  const real = trueSize && fits;
  return (
    <figure class="print-picture" data-true-size={real}>
      <img src={url} alt="" style={real ? { width: `${widthMm.toFixed(2)}mm`, height: `${heightMm.toFixed(2)}mm` } : undefined} />
      {trueSize && (
        <figcaption>
          {real
            ? t("pictures.print.real", { width: n(widthMm, 1), height: n(heightMm, 1) })
            : t(widthMm === undefined ? "pictures.print.unknown" : "pictures.print.tooLarge")}
        </figcaption>
      )}
    </figure>
  );
}
