/** A PDF, page below page, drawn by the viewer itself: alike on every device, and nothing in it runs. */

import { useEffect, useRef, useState } from "preact/hooks";

import { reach } from "@/dicomweb/reach";
import { t } from "@/i18n";
import { BrokenNote } from "@/ui/documents/BrokenNote";
import { loadPdf, PDF_FILES, type PDFDocumentProxy, type PDFPageProxy, type PdfModule } from "@/ui/documents/lazyPdf";
import { ZoomStage } from "@/ui/documents/ZoomStage";

interface Opened {
  readonly module: PdfModule;
  readonly pages: readonly PDFPageProxy[];
}

type State = "loading" | "broken" | "locked" | Opened;

const CSS_PX_PER_POINT = 96 / 72;
const CANVAS_PIXELS_MAX = 1 << 24; // what phones give to a canvas
const PAGES_MAX = 500;

/** `source`: where the node gives the document, or its bytes. */
export function PdfPage({ source }: { readonly source: string | Uint8Array<ArrayBuffer> }) {
  const [state, setState] = useState<State>("loading");
  useEffect(() => {
    let left = false;
    let opened: PDFDocumentProxy | undefined;
    open(source)
      .then(async ([module, found]) => {
        opened = found;
        const pages = await pagesOf(found);
        if (left) void found.loadingTask.destroy();
        else setState({ module, pages });
      })
      .catch((error: unknown) => {
        const locked = error instanceof Error && error.name === "PasswordException";
        if (!left) setState(locked ? "locked" : "broken");
      });
    return () => {
      left = true;
      void opened?.loadingTask.destroy();
    };
  }, [source]);
  if (state === "broken" || state === "locked") return <BrokenNote why={state === "locked" ? "doc.locked" : "doc.broken"} />;
  if (state === "loading") {
    return (
      <div class="waiting-stage" aria-busy="true">
        <p class="muted" role="status">
          {t("app.loading")}
        </p>
      </div>
    );
  }
  const { module, pages } = state;
  const widest = Math.max(...pages.map((page) => page.getViewport({ scale: CSS_PX_PER_POINT }).width));
  return (
    <ZoomStage natural={widest} label={t("card.document")}>
      {(width) => pages.map((page) => <Sheet key={page.pageNumber} module={module} page={page} total={pages.length} zoom={width / widest} />)}
    </ZoomStage>
  );
}

async function open(source: string | Uint8Array<ArrayBuffer>): Promise<[PdfModule, PDFDocumentProxy]> {
  const [module, data] = await Promise.all([loadPdf(), typeof source === "string" ? fetched(source) : source.slice()]);
  const task = module.getDocument({ data, ...PDF_FILES, enableXfa: false, verbosity: 0 });
  return [module, await task.promise];
}

/** By the one way to the node, so that this device keeps it. */
async function fetched(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const answer = await reach(path, { headers: { Accept: "application/pdf" }, credentials: "same-origin" });
  if (!answer.ok) throw new TypeError(`the node answered ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

function pagesOf(found: PDFDocumentProxy): Promise<PDFPageProxy[]> {
  const count = Math.min(found.numPages, PAGES_MAX);
  return Promise.all(Array.from({ length: count }, (_, index) => found.getPage(index + 1)));
}

interface SheetProps {
  readonly module: PdfModule;
  readonly page: PDFPageProxy;
  readonly total: number;
  readonly zoom: number;
}

/** One page, drawn when it comes near to what is seen, with its words over it to be chosen and read aloud. */
function Sheet({ module, page, total, zoom }: SheetProps) {
  const sheet = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const words = useRef<HTMLDivElement>(null);
  const [near, setNear] = useState(false);
  const [drawn, setDrawn] = useState(false);
  const scale = CSS_PX_PER_POINT * zoom;
  const { width, height } = page.getViewport({ scale });
  useEffect(() => {
    const element = sheet.current;
    if (!element) return undefined;
    const watching = new IntersectionObserver(([entry]) => setNear(entry?.isIntersecting === true), { rootMargin: "600px" });
    watching.observe(element);
    return () => watching.disconnect();
  }, []);
  useEffect(() => {
    if (!near || !canvas.current || !words.current) return undefined;
    const sharpest = Math.sqrt(CANVAS_PIXELS_MAX / (width * height));
    const viewport = page.getViewport({ scale: scale * Math.min(devicePixelRatio, sharpest) });
    canvas.current.width = Math.floor(viewport.width);
    canvas.current.height = Math.floor(viewport.height);
    const drawing = page.render({ canvas: canvas.current, viewport });
    drawing.promise.then(() => setDrawn(true)).catch(() => {}); // given up for another size
    words.current.replaceChildren();
    words.current.style.setProperty("--total-scale-factor", String(scale));
    const text = new module.TextLayer({
      textContentSource: page.streamTextContent(),
      container: words.current,
      viewport: page.getViewport({ scale }),
    });
    text.render().catch(() => {});
    return () => {
      drawing.cancel();
      text.cancel();
    };
  }, [near, page, scale]);
  return (
    <div
      ref={sheet}
      class="pdf-sheet"
      data-testid="pdf-page"
      data-drawn={drawn}
      role="group"
      aria-label={t("doc.page", { page: page.pageNumber, total })}
      style={{ width: `${width}px`, height: `${height}px` }}
    >
      <canvas ref={canvas} aria-hidden="true" />
      <div ref={words} class="pdf-words" />
    </div>
  );
}
