/** Clinical documents (HL7 CDA R2) as values: who it is about, and its sections as blocks of text. No markup gets out. */

import { fromBase64 } from "@/dicomweb/json";

/** What stands in a section (CDA R2 4.3.5, the narrative block): text, or an element on a short list. */
export type Block = string | { readonly tag: BlockTag; readonly bold: boolean; readonly children: readonly Block[] };

export const BLOCK_TAGS = ["p", "span", "br", "ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td", "caption", "sub", "sup"] as const;
export type BlockTag = (typeof BLOCK_TAGS)[number];

export interface Section {
  readonly title: string;
  readonly blocks: readonly Block[];
  readonly sections: readonly Section[];
}

export interface ClinicalDocument {
  readonly title: string;
  readonly patient: string;
  readonly patientId: string;
  /** HL7 time stamps: YYYYMMDD[HHMM…]. */
  readonly born: string;
  readonly written: string;
  readonly author: string;
  readonly custodian: string;
  readonly sections: readonly Section[];
  /** A document that carries its body as a PDF. */
  readonly pdf?: Uint8Array<ArrayBuffer>;
}

const NAMESPACE = "urn:hl7-org:v3";
const DEEPEST = 32;

const AS: Readonly<Record<string, BlockTag>> = {
  paragraph: "p",
  content: "span",
  linkHtml: "span",
  caption: "caption",
  br: "br",
  item: "li",
  table: "table",
  thead: "thead",
  tbody: "tbody",
  tfoot: "tbody",
  tr: "tr",
  th: "th",
  td: "td",
  sub: "sub",
  sup: "sup",
};

/** The document in this XML; undefined when it is no clinical document. */
export function clinicalDocument(source: string): ClinicalDocument | undefined {
  const root = new DOMParser().parseFromString(source, "application/xml").documentElement;
  if (root?.localName !== "ClinicalDocument" || root.namespaceURI !== NAMESPACE) return undefined;
  const patient = at(root, "recordTarget", "patientRole");
  const body = at(root, "component", "nonXMLBody", "text");
  const inside = body ? nonXml(body) : undefined;
  const structured = at(root, "component", "structuredBody");
  return {
    title: words(at(root, "title")) || at(root, "code")?.getAttribute("displayName") || "",
    patient: name(at(patient, "patient", "name")),
    patientId: at(patient, "id")?.getAttribute("extension") ?? "",
    born: at(patient, "patient", "birthTime")?.getAttribute("value") ?? "",
    written: at(root, "effectiveTime")?.getAttribute("value") ?? "",
    author: name(at(root, "author", "assignedAuthor", "assignedPerson", "name")),
    custodian: words(at(root, "custodian", "assignedCustodian", "representedCustodianOrganization", "name")),
    sections: inside?.text === undefined ? sectionsOf(structured, 0) : [{ title: "", blocks: [inside.text], sections: [] }],
    ...(inside?.pdf && { pdf: inside.pdf }),
  };
}

function children(element: Element | undefined, tag: string): Element[] {
  return [...(element?.children ?? [])].filter((child) => child.localName === tag);
}

/** The first element down this way. */
function at(element: Element | undefined, ...way: readonly string[]): Element | undefined {
  return way.reduce<Element | undefined>((here, tag) => children(here, tag)[0], element);
}

function words(element: Element | undefined): string {
  return (element?.textContent ?? "").replace(/\s+/gu, " ").trim();
}

/** The parts of a name in their order, apart; or the name as it is written. */
function name(element: Element | undefined): string {
  const parts = [...(element?.children ?? [])].map((part) => words(part)).filter((part) => part !== "");
  return parts.length > 0 ? parts.join(" ") : words(element);
}

function sectionsOf(parent: Element | undefined, depth: number): Section[] {
  if (depth > DEEPEST) return [];
  return children(parent, "component").flatMap((component) =>
    children(component, "section").map((section) => {
      const text = at(section, "text");
      return {
        title: words(at(section, "title")),
        blocks: text ? blocks(text, 0) : [],
        sections: sectionsOf(section, depth + 1),
      };
    }),
  );
}

function blocks(parent: Element, depth: number): Block[] {
  if (depth > DEEPEST) return [];
  return [...parent.childNodes].flatMap((node): Block[] => {
    if (node.nodeType === Node.TEXT_NODE) return [(node.textContent ?? "").replace(/\s+/gu, " ")];
    if (!(node instanceof Element) || node.namespaceURI !== NAMESPACE) return [];
    const list = node.localName === "list" ? (node.getAttribute("listType") === "ordered" ? "ol" : "ul") : undefined;
    const tag = list ?? AS[node.localName];
    if (!tag) return []; // renderMultiMedia, footnotes of other makers, scripts
    return [{ tag, bold: /bold/iu.test(node.getAttribute("styleCode") ?? ""), children: tag === "br" ? [] : blocks(node, depth + 1) }];
  });
}

function nonXml(body: Element): { readonly pdf?: Uint8Array<ArrayBuffer>; readonly text?: string } {
  const encoded = body.getAttribute("representation") === "B64";
  const type = body.getAttribute("mediaType") ?? "text/plain";
  if (!encoded) return { text: body.textContent ?? "" };
  try {
    const bytes = fromBase64((body.textContent ?? "").replace(/\s+/gu, ""));
    return type === "application/pdf" ? { pdf: bytes } : type.startsWith("text/") ? { text: new TextDecoder().decode(bytes) } : { text: type };
  } catch {
    return { text: "" };
  }
}
