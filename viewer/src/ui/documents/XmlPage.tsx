/** An XML document: a clinical document (HL7 CDA R2) as people read it, any other as its text. */

import { useEffect, useState } from "preact/hooks";

import { clinicalDocument, type ClinicalDocument } from "@/dicomweb/cda";
import { reach } from "@/dicomweb/reach";
import { t } from "@/i18n";
import { formatDate, formatTime } from "@/i18n/format";
import type { PlainKey } from "@/i18n/catalogue";
import { BrokenNote } from "@/ui/documents/BrokenNote";
import type { PageProps } from "@/ui/documents/DocumentPane";
import { Narrative } from "@/ui/documents/Narrative";
import { PdfPage } from "@/ui/documents/PdfPage";
import { Scroll } from "@/ui/documents/Scroll";

type State = { readonly source: string; readonly read: ClinicalDocument | undefined } | "broken" | undefined;

const DATE_DIGITS = 8;

export function XmlPage({ address }: PageProps) {
  const [state, setState] = useState<State>(undefined);
  useEffect(() => {
    const left = new AbortController();
    reach(address.rendered, { headers: { Accept: "text/xml" }, signal: left.signal })
      .then(async (answer) => {
        if (!answer.ok) throw new Error(`the node answered ${answer.status}`);
        const bytes = await answer.arrayBuffer();
        const source = new TextDecoder(charsetOf(bytes)).decode(bytes);
        setState({ source, read: clinicalDocument(source) });
      })
      .catch(() => {
        if (!left.signal.aborted) setState("broken");
      });
    return () => left.abort();
  }, [address.rendered]);
  if (state === "broken") return <BrokenNote />;
  if (!state) {
    return (
      <div class="waiting-stage" aria-busy="true">
        <p class="muted">{t("app.loading")}</p>
      </div>
    );
  }
  const { read } = state;
  if (read?.pdf) return <PdfPage source={read.pdf} />;
  return (
    <Scroll label={read?.title || t("card.document")}>
      {read ? <Clinical read={read} /> : <pre class="report-page xml-source">{state.source}</pre>}
    </Scroll>
  );
}

/** What the XML declaration says, which the answer's header does not know (XML 1.0 4.3.3); UTF-8 when nothing. */
function charsetOf(bytes: ArrayBuffer): string {
  const head = new TextDecoder("latin1").decode(bytes.slice(0, 200));
  const named = /^<\?xml[^>]*encoding=["']([A-Za-z0-9._-]+)["']/.exec(head)?.[1] ?? "utf-8";
  try {
    return new TextDecoder(named).encoding;
  } catch {
    return "utf-8";
  }
}

function Clinical({ read }: { readonly read: ClinicalDocument }) {
  const facts: readonly (readonly [PlainKey, string])[] = [
    ["cda.patient", read.patient],
    ["cda.patientId", read.patientId],
    ["cda.born", formatDate(read.born.slice(0, DATE_DIGITS))],
    ["cda.written", `${formatDate(read.written.slice(0, DATE_DIGITS))} ${formatTime(read.written.slice(DATE_DIGITS))}`.trim()],
    ["cda.author", read.author],
    ["cda.custodian", read.custodian],
  ];
  return (
    <article class="report-page" data-testid="clinical-document">
      <h3>{read.title}</h3>
      <dl>
        {facts.map(([key, value]) =>
          value === "" ? null : (
            <div key={key}>
              <dt class="muted">{t(key)}</dt>
              <dd>{value}</dd>
            </div>
          ),
        )}
      </dl>
      {read.sections.map((section, index) => (
        <Narrative key={index} section={section} level={4} />
      ))}
    </article>
  );
}
