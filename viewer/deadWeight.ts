/**
 * What libraries carry along and the viewer never runs is left out of the build: over a thin link each 20 KB are a tenth
 * of a second before the diagnostic image.
 */

import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

import type { Plugin } from "vite";

const VIRTUAL = "\0light:";
const CORNERSTONE = /@cornerstonejs\/(?:metadata|utils)\/dist\//;
const LOADER_INDEX = /@cornerstonejs\/dicom-image-loader\/dist\/esm\/index\.js$/;
const VTK_PROFILES = /vtk.js\/Rendering\/(?:Profiles|Misc)\//;
const VTK_XML = /vtk\.js\/IO\/XML\//;
const METADATA = "node_modules/@cornerstonejs/metadata/dist/esm";

interface Entry {
  readonly tag: string;
  readonly name: string;
}

/** Of dcmjs, Cornerstone takes the log, four UIDs and, of the dictionary, what it names; its readers are not used. */
async function ofDcmjs(root: string): Promise<string> {
  const dcmjs = createRequire(import.meta.url)("dcmjs") as {
    constants: Readonly<Record<string, string>>;
    data: { DicomMetaDictionary: { nameMap: Readonly<Record<string, Entry>> } };
  };
  const folder = join(root, METADATA);
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".js"));
  const sources = await Promise.all(files.map((name) => readFile(join(folder, name), "utf8")));
  const keywords = new Set(sources.flatMap((source) => source.match(/\b[A-Z][0-9A-Za-z]+\b/g) ?? []));
  const { nameMap } = dcmjs.data.DicomMetaDictionary;
  const entries = [...keywords].flatMap((word) => (Object.hasOwn(nameMap, word) && nameMap[word] ? [nameMap[word]] : []));
  const syntaxes = Object.fromEntries(Object.entries(dcmjs.constants).filter(([name]) => name.endsWith("_ENDIAN")));
  return `
const entries = ${JSON.stringify(entries)};
const silent = () => {};
const logger = { trace: silent, debug: silent, info: silent, log: silent, setLevel: silent, warn: (...said) => console.warn(...said), error: (...said) => console.error(...said) };
export const log = { ...logger, getLogger: () => ({ ...logger }) };
export const constants = ${JSON.stringify(syntaxes)};
export const data = { DicomMetaDictionary: {
  dictionary: Object.fromEntries(entries.map((one) => [one.tag, one])),
  nameMap: Object.fromEntries(entries.map((one) => [one.name, one])),
} };
export const utilities = { DicomMetadataListener: class {} };
export const async = { AsyncDicomReader: class {} };
export default { log, constants, data, utilities, async };
`;
}

/** Surfaces in VTK's own files: no DICOM object holds one. */
const OF_XML = `export function create() { throw new Error("XML is not read here"); }`;

/** VTK draws through WebGL here; through WebGPU only for who asks for it by name. */
const WEB_GPU = ["Profiles/Geometry.js", "Profiles/Glyph.js", "Profiles/Volume.js", "RenderWindow.js"];

/** Frames are decoded in workers, which have the decoders of their own. */
const OF_DECODING = `export const decodeImageFrame = undefined, postProcessDecodedPixels = undefined, initializers = {}, decoders = {};`;

interface Left {
  readonly source: string;
  readonly importer: RegExp;
  readonly instead: (root: string) => Promise<string> | string;
}

const LEFT_OUT: readonly Left[] = [
  { source: "dcmjs", importer: CORNERSTONE, instead: ofDcmjs },
  ...WEB_GPU.map((name) => ({ source: `../WebGPU/${name}`, importer: VTK_PROFILES, instead: () => "export {};" })),
  { source: "xmlbuilder2", importer: VTK_XML, instead: () => OF_XML },
  { source: "./decodeImageFrameWorker.js", importer: LOADER_INDEX, instead: () => OF_DECODING },
  { source: "./shared/decoders/index.js", importer: LOADER_INDEX, instead: () => OF_DECODING },
];

export function withoutDeadWeight(): Plugin {
  let root = "";
  return {
    name: "without-dead-weight",
    enforce: "pre",
    configResolved(config) {
      ({ root } = config);
    },
    resolveId(source, importer = "") {
      const left = LEFT_OUT.find((one) => one.source === source && one.importer.test(importer));
      return left && VIRTUAL + source;
    },
    load(id) {
      return LEFT_OUT.find(({ source }) => id === VIRTUAL + source)?.instead(root);
    },
  };
}
