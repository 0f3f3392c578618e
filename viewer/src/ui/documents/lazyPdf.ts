/** The chunk with the PDF library, loaded with the first PDF. Nothing in a document runs: scripts stay where they are. */

import type { PDFDocumentLoadingTask, PDFDocumentProxy, PDFPageProxy, TextLayer } from "pdfjs-dist/legacy/build/pdf.mjs";

export type { PDFDocumentProxy, PDFPageProxy };

export interface PdfModule {
  getDocument(source: object): PDFDocumentLoadingTask;
  readonly TextLayer: typeof TextLayer;
}

let loading: Promise<PdfModule> | undefined;

/** Rejects when it cannot be fetched; the next call tries again. */
export function loadPdf(): Promise<PdfModule> {
  loading ??= import("pdfjs-dist/legacy/build/pdf.mjs").then(
    (module) => {
      module.GlobalWorkerOptions.workerPort = new Worker(new URL("pdfjs-dist/legacy/build/pdf.worker.mjs", import.meta.url), {
        type: "module",
      });
      return module;
    },
    (error: unknown) => {
      loading = undefined;
      throw error;
    },
  );
  return loading;
}

/** Where the fonts, character maps and decoders lie that documents count on; see `pdfFiles` in vite.config.ts. */
export const PDF_FILES = {
  cMapUrl: "/pdf/cmaps/",
  standardFontDataUrl: "/pdf/standard_fonts/",
  wasmUrl: "/pdf/wasm/",
  iccUrl: "/pdf/iccs/",
} as const;
