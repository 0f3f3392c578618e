import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

import { build, type Plugin } from "vite";
import { defineConfig } from "vitest/config";

import { withoutDeadWeight } from "./deadWeight.ts";
import { graphicsGivenBack } from "./graphicsMemory.ts";

const COMPRESSIBLE = /\.(?:js|css|html|svg|wasm|webmanifest)$/;
const SMALLEST_WORTH_IT = 1024;

/** Lays `name.br` and `name.gz` beside every file that shrinks, so that the node never compresses while it serves. */
function precompressed(): Plugin {
  return {
    name: "precompressed",
    apply: "build",
    async writeBundle(options) {
      const folder = options.dir ?? ".";
      const names = (await readdir(folder, { recursive: true })).filter((name) => COMPRESSIBLE.test(name));
      for (const name of names) {
        const path = join(folder, name);
        if ((await stat(path)).size < SMALLEST_WORTH_IT) continue;
        const content = await readFile(path);
        const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
        await writeFile(`${path}.br`, await promisify(brotliCompress)(content, brotli));
        await writeFile(`${path}.gz`, await promisify(gzip)(content, { level: 9 }));
      }
    },
  };
}

// what PDF documents count on: character maps, the fourteen fonts, decoders and profiles, with their licences
const PDF_FILES: Readonly<Record<string, RegExp>> = {
  cmaps: /\.bcmap$|^LICENSE/,
  standard_fonts: /\.(?:pfb|ttf)$|^LICENSE/,
  wasm: /^(?:jbig2|openjpeg|qcms_bg)\.wasm$|^LICENSE_(?!QUICKJS|PDFJS_QUICKJS)/,
  iccs: /\.icc$|^LICENSE/,
};

/** Lays the files of the PDF library where `ui/documents/lazyPdf.ts` looks for them. */
function pdfFiles(): Plugin {
  return {
    name: "pdf-files",
    apply: "build",
    async writeBundle(options) {
      for (const [folder, wanted] of Object.entries(PDF_FILES)) {
        const [from, to] = [join(import.meta.dirname, "node_modules/pdfjs-dist", folder), join(options.dir ?? ".", "pdf", folder)];
        await mkdir(to, { recursive: true });
        for (const name of await readdir(from)) if (wanted.test(name)) await copyFile(join(from, name), join(to, name));
      }
    },
  };
}

const FIRST_IN_HEAD = '<meta charset="utf-8" />';

/** The script that runs first, in one piece. */
async function earlyScript(): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: "error",
    resolve: { alias: { "@": join(import.meta.dirname, "src") } },
    build: { write: false, target: "es2022", lib: { entry: join(import.meta.dirname, "src/early/inline.ts"), formats: ["iife"], name: "early" } },
  });
  const [only, ...others] = (Array.isArray(built) ? built : [built]).flatMap((one) => ("output" in one ? one.output : []));
  if (only?.type !== "chunk" || others.length > 0 || /<[/!]/.test(only.code)) throw new Error("the script that runs first cannot be written into the page");
  return only.code.trim();
}

/** Writes the script that runs first into the page, with the names of the files that screens need besides the page's own. */
function earlyInPage(): Plugin {
  return {
    name: "early-in-page",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      async handler(html, { bundle = {} }) {
        const chunks = Object.values(bundle).filter((one) => one.type === "chunk");
        const filesOf = (source: string): string[] => {
          const chunk = chunks.find(({ moduleIds }) => moduleIds.some((id) => id.endsWith(source)));
          if (!chunk) throw new Error(`no chunk holds ${source}`);
          const scripts = new Set([chunk.fileName]);
          for (const name of scripts) for (const one of chunks) if (one.fileName === name) one.imports.forEach((more) => scripts.add(more));
          const styles = [...(chunk.viteMetadata?.importedCss ?? [])];
          return [...scripts, ...styles].map((name) => `/${name}`).filter((path) => !html.includes(path));
        };
        const languages = Object.fromEntries(["kk", "ky", "ru", "en"].map((name) => [name, filesOf(`/src/i18n/${name}/index.ts`)]));
        const files = JSON.stringify({ study: filesOf("/src/ui/StudyScreen.tsx"), languages });
        const first = `<script data-files='${files}'>${await earlyScript()}</script>`;
        if (!html.includes(FIRST_IN_HEAD)) throw new Error("index.html begins otherwise than it did");
        return html.replace(FIRST_IN_HEAD, () => `${FIRST_IN_HEAD}\n    ${first}`);
      },
    },
  };
}

const SERVICE_WORKER = "sw.js";
const KEPT_LATER = /^assets\/(?!pdf|jpegxl).*\.(?:js|css|wasm)$/; // what is large and rare is kept once it was used
const PAGE_FILES = ["/manifest.webmanifest", "/icon.svg", "/icon-192.png"];

/** Tells the service worker which files this version has: those without which the page does not open, and the others. */
function workerKnowsFiles(): Plugin {
  return {
    name: "worker-knows-files",
    apply: "build",
    enforce: "post",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        const [worker, page] = [bundle[SERVICE_WORKER], bundle["index.html"]];
        if (worker?.type !== "chunk" || page?.type !== "asset") return this.error("the page or its service worker is missing");
        const html = String(page.source);
        const named = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, name]) => `/${name}`);
        const entry = named.find((name) => name.endsWith(".js"));
        if (!entry) return this.error("the page names no script of its own");
        const more = Object.keys(bundle).filter((name) => KEPT_LATER.test(name)).map((name) => `/${name}`).toSorted();
        const shell = [...named, ...PAGE_FILES];
        const others = more.filter((name) => !shell.includes(name));
        const version = createHash("sha256").update(JSON.stringify([html, worker.code, more])).digest("hex").slice(0, 16);
        const files = JSON.stringify({ version, entry, shell, more: others });
        if (!worker.code.includes("SURET_FILES")) return this.error("the service worker asks for no files");
        worker.code = `const SURET_FILES=${files};\n${worker.code}`;
        return undefined;
      },
    },
  };
}

const BLOCKED_STYLE = 'textElement.setAttribute("style", combinedStyle)'.replaceAll('"', "'");

/** Cornerstone styles the text of measurements by an attribute, which our content security policy forbids; CSSOM may. */
function styleThroughCssom(): Plugin {
  return {
    name: "style-through-cssom",
    apply: "build",
    transform: {
      filter: { id: /drawingSvg\/drawTextBox\.js$/ },
      handler(code) {
        if (!code.includes(BLOCKED_STYLE)) this.error("drawTextBox.js changed: look at its styles again");
        return { code: code.replace(BLOCKED_STYLE, "textElement.style.cssText = combinedStyle"), map: null };
      },
    },
  };
}

const DECODED = "decodePromise.then(function (imageFrame) {";
const UNSETTLED = "resolve(image);\n        }, reject);";
const HEADER = "const imageFrame = getImageFrame(imageId);";
const DECIDED = `import { refuseDoubtful, refuseRounded } from "@/viewport/doubt";
`;
const OWN_RANGE = "toWindowLevel(image.imageFrame.smallestPixelValue, image.imageFrame.largestPixelValue)";
const OF_ONE_VALUE =
  "toWindowLevel(image.imageFrame.smallestPixelValue, Math.max(image.imageFrame.smallestPixelValue + 1, image.imageFrame.largestPixelValue))";
const SHORT = `
            refuseRounded(imageFrame);
            const samples = /42[02]$/.test(imageFrame.photometricInterpretation) ? 1 : imageFrame.samplesPerPixel;
            if (imageFrame.pixelData.length < imageFrame.rows * imageFrame.columns * samples) throw new Error('pixels are missing');`;

/**
 * Cornerstone promises an image and never settles the promise when colours cannot be converted: it is rejected. Too few
 * pixels (a proxy's page, say) it shows as a black picture: they are refused. An image of one value only has no range
 * of its own: Cornerstone shows it white, an empty mask too; it is black. What its decoders get wrong it does not decode.
 */
function failuresSettle(): Plugin {
  return {
    name: "failures-settle",
    transform: {
      filter: { id: /imageLoader\/createImage\.js$/ },
      handler(code) {
        if (![DECODED, UNSETTLED, OWN_RANGE, HEADER].every((part) => code.includes(part))) {
          this.error("createImage.js changed: look at its failures again");
        }
        const settled = code
          .replace(UNSETTLED, "resolve(image);\n        }).catch(reject);")
          .replace(HEADER, `${HEADER} refuseDoubtful(imageFrame, transferSyntax, pixelData);`)
          .replace(OWN_RANGE, OF_ONE_VALUE);
        return { code: DECIDED + settled.replace(DECODED, DECODED + SHORT), map: null };
      },
    },
  };
}

const HALVED = /endsWith\('42([02])'\)/g;

/**
 * Cornerstone counts the bytes of 4:2:2 as those of 4:2:0 and the other way round: luminance and chroma that are stored
 * uncompressed would go to the screen as red, green and blue.
 */
function halvedColoursAreConverted(): Plugin {
  return {
    name: "halved-colours-are-converted",
    transform: {
      filter: { id: /imageLoader\/isColorConversionRequired\.js$/ },
      handler(code) {
        if ([...code.matchAll(HALVED)].map(([, which]) => which).join() !== "0,2") this.error("isColorConversionRequired.js changed: look at 4:2:2 again");
        return { code: code.replace(HALVED, (_, which) => `endsWith('42${which === "0" ? "2" : "0"}')`), map: null };
      },
    },
  };
}

const CACHED = "cache.putImageLoadObject(imageId, imageLoadObject);";

/**
 * Cornerstone's cache promises of its own that the image will come, and nobody waits for that promise: each image that is
 * given up on the way, as the reader scrolls on, would be an error that nobody caught. Whoever asked hears of it anyway.
 */
function cacheFailsSilently(): Plugin {
  return {
    name: "cache-fails-silently",
    apply: "build",
    transform: {
      filter: { id: /core\/dist\/esm\/loaders\/imageLoader\.js$/ },
      handler(code) {
        if (!code.includes(CACHED)) this.error("imageLoader.js changed: look at what becomes of images that do not come");
        return { code: code.replaceAll(CACHED, CACHED.replace(/;$/, ".catch(() => {});")), map: null };
      },
    },
  };
}

export default defineConfig({
  base: "/",
  resolve: { alias: { "@": join(import.meta.dirname, "src") } },
  worker: { format: "es" },
  build: {
    outDir: "../pacs/web/static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the content security policy has no room for data: scripts and fonts
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 4000,
    reportCompressedSize: false,
    rolldownOptions: {
      input: { index: "index.html", sw: "src/offline/shellWorker.ts" },
      output: {
        // of a shell and of a study screen in pieces, each a request: a browser makes six at a time of one host
        codeSplitting: {
          groups: [
            { name: "shell", test: /\/src\/main\.tsx$|rolldown\/runtime/, priority: 2 },
            { name: "study", test: /\/src\/ui\/StudyScreen\.tsx$/, priority: 1 },
          ],
        },
        entryFileNames: ({ name }) => (name === "sw" ? SERVICE_WORKER : "assets/[name]-[hash].js"),
      },
      checks: { pluginTimings: false },
      // The codecs can also run in Node and name its modules; in the browser those branches are never taken.
      onLog: (level, log, handle) => {
        if (!log.message.includes("has been externalized for browser compatibility")) handle(level, log);
      },
    },
  },
  server: {
    proxy: Object.fromEntries(
      ["/api", "/dicom-web", "/ws"].map((path) => [path, { target: "http://127.0.0.1:8042", ws: path === "/ws" }]),
    ),
  },
  test: { setupFiles: "tests/language.ts" },
  plugins: [withoutDeadWeight(), styleThroughCssom(), failuresSettle(), halvedColoursAreConverted(), cacheFailsSilently(), graphicsGivenBack(), pdfFiles(), earlyInPage(), workerKnowsFiles(), precompressed()],
});
