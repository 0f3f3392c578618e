/** Structured reports as a tree of lines (PS3.3 C.17.3): what a person reads, from the metadata alone. */

import { items, Tag, text, type Dataset } from "@/dicomweb/json";

export interface ReportLine {
  readonly name: string;
  readonly value: string;
  readonly children: readonly ReportLine[];
}

const DEEPEST = 16; // deeper nesting than any template; a hostile object must not exhaust the stack

/** The content tree of an SR, KO or similar object; undefined when the object has none. */
export function reportTree(dataset: Dataset): ReportLine | undefined {
  return Tag.ContentSequence in dataset ? line(dataset, 0) : undefined;
}

function line(item: Dataset, depth: number): ReportLine {
  const children = depth < DEEPEST ? items(item, Tag.ContentSequence).map((child) => line(child, depth + 1)) : [];
  return { name: meaning(item, Tag.ConceptNameCodeSequence), value: value(item), children };
}

function meaning(item: Dataset, tag: string): string {
  const code = items(item, tag)[0];
  return code ? text(code, Tag.CodeMeaning) : "";
}

const VALUE_OF: Readonly<Record<string, (item: Dataset) => string>> = {
  TEXT: (item) => text(item, Tag.TextValue),
  CODE: (item) => meaning(item, Tag.ConceptCodeSequence),
  NUM: (item) => {
    const measured = items(item, Tag.MeasuredValueSequence)[0];
    if (!measured) return "";
    return `${text(measured, Tag.NumericValue)} ${meaning(measured, Tag.MeasurementUnitsCodeSequence)}`.trim();
  },
  PNAME: (item) => text(item, Tag.PersonName),
  DATETIME: (item) => text(item, Tag.DateTime),
  DATE: (item) => text(item, Tag.Date),
  TIME: (item) => text(item, Tag.Time),
};

function value(item: Dataset): string {
  return VALUE_OF[text(item, Tag.ValueType)]?.(item) ?? "";
}
