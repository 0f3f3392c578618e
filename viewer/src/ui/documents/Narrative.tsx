/** A section of a clinical document: only elements of the viewer's own list, and text. */

import { h } from "preact";

import type { Block, Section } from "@/dicomweb/cda";

interface NarrativeProps {
  readonly section: Section;
  /** Of its heading. */
  readonly level: number;
}

export function Narrative({ section, level }: NarrativeProps) {
  const Heading = `h${Math.min(level, 6)}` as "h4" | "h5" | "h6";
  return (
    <section class="report-part">
      {section.title && <Heading>{section.title}</Heading>}
      <div class="report-value">{section.blocks.map(drawn)}</div>
      {section.sections.map((below, index) => (
        <Narrative key={index} section={below} level={level + 1} />
      ))}
    </section>
  );
}

// white space between rows and cells is no text
const ROWS = new Set(["table", "thead", "tbody", "tr", "ul", "ol"]);

function drawn(block: Block, index: number): preact.ComponentChild {
  if (typeof block === "string") return block;
  const kept = ROWS.has(block.tag) ? block.children.filter((child) => typeof child !== "string") : block.children;
  return h(block.tag, { key: index, ...(block.bold && { class: "bold" }) }, ...kept.map(drawn));
}
