/** Structured reports as a tree of lines (PS3.3 C.17.3): what a person reads, from the metadata alone. */

import { isUid } from "@/dicomweb/client";
import { items, lines, number, Tag, text, type Dataset } from "@/dicomweb/json";

/** The object that a line speaks of; its series where the report's evidence names it. */
export interface ReportReference {
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string | undefined;
  readonly frameNumber: number | undefined;
  readonly isImage: boolean;
}

export interface ReportLine {
  readonly name: string;
  readonly value: string;
  /** A heading over what follows. */
  readonly heads: boolean;
  readonly reference?: ReportReference;
  readonly children: readonly ReportLine[];
}

const DEEPEST = 16; // deeper nesting than any template; a hostile object must not exhaust the stack
const EVIDENCE = ["0040A375", "0040A385"]; // Current Requested Procedure Evidence, Pertinent Other Evidence
const REFERENCED_SERIES_SEQUENCE = "00081115";
const REFERENCED_SOP_SEQUENCE = "00081199";
const REFERENCED_SOP_INSTANCE_UID = "00081155";
const REFERENCED_FRAME_NUMBER = "00081160";
const NUMERIC_VALUE_QUALIFIER = "0040A301";
const CODE_VALUE = "00080100";
const TRACKING_IDENTIFIER = "112039";
const TRACKING_UID = "112040";
const PROGRAMS_OWN = /^(Cornerstone3DTools@|Suret:)/;
const DIGITS = 5;
const SIGNS: Readonly<Record<string, string>> = { "[hnsf'U]": "HU", mm2: "mm²", mm3: "mm³", cm2: "cm²", cm3: "cm³", "{pixels}": "px", "{pixels}2": "px²" };
const COORDINATES = new Set(["SCOORD", "SCOORD3D"]);
const OBJECTS = new Set(["IMAGE", "COMPOSITE", "WAVEFORM"]);

export function isReport(dataset: Dataset): boolean {
  return Tag.ContentSequence in dataset;
}

/** The content tree of an SR, KO or similar object; undefined when the object has none. */
export function reportTree(dataset: Dataset): ReportLine | undefined {
  return isReport(dataset) ? line(dataset, 0, seriesOfEvidence(dataset)) : undefined;
}

function seriesOfEvidence(dataset: Dataset): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const study of EVIDENCE.flatMap((tag) => items(dataset, tag))) {
    for (const series of items(study, REFERENCED_SERIES_SEQUENCE)) {
      for (const object of items(series, REFERENCED_SOP_SEQUENCE)) {
        found.set(text(object, REFERENCED_SOP_INSTANCE_UID), text(series, Tag.SeriesInstanceUID));
      }
    }
  }
  return found;
}

function line(item: Dataset, depth: number, series: ReadonlyMap<string, string>): ReportLine {
  const said = items(item, Tag.ContentSequence).filter((child) => isForPeople(child) && !(depth === 0 && isLanguage(child)));
  const below = depth < DEEPEST ? said.flatMap((child) => readable(child, depth + 1, series)) : [];
  const kind = text(item, Tag.ValueType);
  const children = kind === "CONTAINER" ? eachSourceOnce(below) : below;
  const reference = referenceOf(item, kind, series);
  return {
    name: meaning(item, Tag.ConceptNameCodeSequence),
    value: VALUE_OF[kind]?.(item) ?? "",
    heads: kind === "CONTAINER",
    ...(reference && { reference }),
    children,
  };
}

/** Coordinates are for programs: of them a person reads what lies below, the image. */
function readable(item: Dataset, depth: number, series: ReadonlyMap<string, string>): readonly ReportLine[] {
  const read = line(item, depth, series);
  return COORDINATES.has(text(item, Tag.ValueType)) ? read.children : [read];
}

/** A line that says nothing but which image. */
function isSource({ value, heads, reference, children }: ReportLine): boolean {
  return reference !== undefined && value === "" && !heads && children.length === 0;
}

function keyOf({ reference }: ReportLine): string {
  return `${reference?.sopInstanceUid}#${reference?.frameNumber}`;
}

/** What the figures of a group all name as their source is named once, below them. */
function eachSourceOnce(lines: readonly ReportLine[]): readonly ReportLine[] {
  const sources = lines.flatMap((one) => (one.heads ? [] : [one, ...one.children])).filter(isSource);
  const counts = new Map<string, number>();
  for (const source of sources) counts.set(keyOf(source), (counts.get(keyOf(source)) ?? 0) + 1);
  const isRepeated = (one: ReportLine): boolean => isSource(one) && (counts.get(keyOf(one)) ?? 0) > 1;
  const once = [...new Map(sources.filter(isRepeated).map((source) => [keyOf(source), source])).values()];
  const without = ({ name, value, heads, reference, children }: ReportLine): ReportLine => ({
    name,
    value,
    heads,
    ...(reference && { reference }),
    children: heads ? children : children.filter((child) => !isRepeated(child)),
  });
  return [...lines.filter((one) => !isRepeated(one)).map(without), ...once];
}

/** Not what only programs follow a finding by (PS3.16 TID 1501). */
function isForPeople(item: Dataset): boolean {
  const [name] = items(item, Tag.ConceptNameCodeSequence);
  const code = name ? text(name, CODE_VALUE) : "";
  return code !== TRACKING_UID && !(code === TRACKING_IDENTIFIER && PROGRAMS_OWN.test(text(item, Tag.TextValue)));
}

/** A figure as it is read: nobody measures the eighth digit. */
function figure(written: string): string {
  const value = Number(written);
  return written.length > DIGITS + 1 && Number.isFinite(value) ? String(Number(value.toPrecision(DIGITS))) : written;
}

function referenceOf(item: Dataset, kind: string, series: ReadonlyMap<string, string>): ReportReference | undefined {
  const [object] = OBJECTS.has(kind) ? items(item, REFERENCED_SOP_SEQUENCE) : [];
  const sopInstanceUid = object ? text(object, REFERENCED_SOP_INSTANCE_UID) : "";
  if (!object || !isUid(sopInstanceUid)) return undefined;
  const frameNumber = number(object, REFERENCED_FRAME_NUMBER);
  return { sopInstanceUid, seriesInstanceUid: series.get(sopInstanceUid), frameNumber, isImage: kind === "IMAGE" };
}

function meaning(item: Dataset, tag: string): string {
  const code = items(item, tag)[0];
  return code ? text(code, Tag.CodeMeaning) : "";
}

/** As people write it: `mm`, not `millimeter`; nothing for a plain number. */
function unit(measured: Dataset): string {
  const [code] = items(measured, Tag.MeasurementUnitsCodeSequence);
  const written = code ? text(code, CODE_VALUE) : "";
  if (["1", "{ratio}", "ratio"].includes(written)) return "";
  const sign = SIGNS[written];
  if (sign !== undefined) return sign;
  return code && (written === "" || written.startsWith("{")) ? text(code, Tag.CodeMeaning) : written;
}

const VALUE_OF: Readonly<Record<string, (item: Dataset) => string>> = {
  TEXT: (item) => lines(item, Tag.TextValue),
  CODE: (item) => meaning(item, Tag.ConceptCodeSequence),
  NUM: (item) => {
    const measured = items(item, Tag.MeasuredValueSequence)[0];
    if (!measured) return meaning(item, NUMERIC_VALUE_QUALIFIER);
    return `${figure(text(measured, Tag.NumericValue))} ${unit(measured)}`.trim();
  },
  PNAME: (item) => text(item, Tag.PersonName),
  DATETIME: (item) => text(item, Tag.DateTime),
  DATE: (item) => text(item, Tag.Date),
  TIME: (item) => text(item, Tag.Time),
  UIDREF: (item) => text(item, Tag.UID),
};

const LANGUAGE_OF_CONTENT = "121049";

/** Of the whole report it stands over it, once (`reportLanguage`). */
function isLanguage(item: Dataset): boolean {
  const [concept] = items(item, Tag.ConceptNameCodeSequence);
  return concept !== undefined && text(concept, CODE_VALUE) === LANGUAGE_OF_CONTENT;
}

/** In which language it is written, where it says so (PS3.16 TID 1204): a code of RFC 5646 and its name, "" where it has none. */
export function reportLanguage(dataset: Dataset): { readonly code: string; readonly name: string } {
  const said = items(dataset, Tag.ContentSequence).find(isLanguage);
  const [value] = said ? items(said, Tag.ConceptCodeSequence) : [];
  const code = value ? text(value, CODE_VALUE) : "";
  const tag = /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/.test(code) ? canonical(code) : "";
  return { code: tag, name: value ? text(value, Tag.CodeMeaning) : "" };
}

/** The shortest code, as web pages want it ("eng" is "en"); "" where it is none. */
function canonical(code: string): string {
  try {
    return Intl.getCanonicalLocales(code)[0] ?? "";
  } catch {
    return ""; // RangeError: of the form of a code, and none
  }
}

/** What stands over a report: how far it is and who answers for it. */
export interface ReportState {
  readonly complete: boolean | undefined;
  readonly verified: boolean | undefined;
  /** Who verified it, and when (DT). */
  readonly observers: readonly { readonly name: string; readonly moment: string }[];
}

const COMPLETION_FLAG = "0040A491";
const VERIFICATION_FLAG = "0040A493";
const VERIFYING_OBSERVER_SEQUENCE = "0040A073";
const VERIFYING_OBSERVER_NAME = "0040A075";
const VERIFICATION_DATE_TIME = "0040A030";

export function reportState(dataset: Dataset): ReportState {
  const [completion, verification] = [text(dataset, COMPLETION_FLAG), text(dataset, VERIFICATION_FLAG)];
  return {
    complete: completion === "" ? undefined : completion === "COMPLETE",
    verified: verification === "" ? undefined : verification === "VERIFIED",
    observers: items(dataset, VERIFYING_OBSERVER_SEQUENCE).map((observer) => ({
      name: text(observer, VERIFYING_OBSERVER_NAME),
      moment: text(observer, VERIFICATION_DATE_TIME),
    })),
  };
}
