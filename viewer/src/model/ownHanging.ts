/** Hanging protocols that a reader made: plain values which the node keeps, and what they ask for. */

import { computed, type ReadonlySignal } from "@preact/signals";

import type { Place, Protocol } from "@/model/hanging";
import { layout, sizeOf } from "@/model/layout";

/** What stands in one place; empty texts ask for nothing. */
export interface OwnPlace {
  readonly modality: string;
  /** In the series description; of several, separated by commas, one is enough. */
  readonly words: string;
  /** In the view position or the name of the view, likewise. */
  readonly view: string;
  readonly laterality: "" | "L" | "R";
  readonly prior: boolean;
}

export interface OwnProtocol {
  readonly id: string;
  readonly name: string;
  /** The study has pictures of each of them. */
  readonly modalities: readonly string[];
  /** In the body part or the description of a series, likewise; "" for any. */
  readonly bodyPart: string;
  readonly rows: number;
  readonly columns: number;
  /** Its stacks scroll together, by place in the patient. */
  readonly linked: boolean;
  /** Row by row, as many as the layout has. */
  readonly places: readonly OwnPlace[];
}

export const PROTOCOLS_MOST = 50;
const BYTES_MOST = 16_000; // of JSON, which the node keeps as one value
export const TEXT_LONGEST = 60;
const MODALITY = /^[A-Z0-9]{1,16}$/; // CS, PS3.5 6.2
const ANYTHING: OwnPlace = { modality: "", words: "", view: "", laterality: "", prior: false };

/** What a reader typed as a list: parts without their blanks. */
export function parts(typed: string): string[] {
  return typed.split(/[,;]/).map((part) => part.trim()).filter((part) => part !== "");
}

/** The modalities in a text, each once; undefined when something in it is none. */
export function modalitiesIn(typed: string): string[] | undefined {
  const found = [...new Set(parts(typed.toUpperCase()))];
  return found.every((one) => MODALITY.test(one)) ? found : undefined;
}

function oneOf(typed: string): RegExp | undefined {
  const words = parts(typed).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return words.length > 0 ? new RegExp(words.join("|"), "iu") : undefined;
}

function placeOf({ modality, words, view, laterality, prior }: OwnPlace): Place {
  const [says, its] = [oneOf(words), oneOf(view)];
  return {
    ...(modality && { modality }),
    ...(says && { says }),
    ...(its && { view: its }),
    ...(laterality && { laterality }),
    ...(prior && { prior }),
  };
}

/** The protocol as the rule that hangs pictures wants it. */
export function asProtocol({ id, modalities, bodyPart, rows, columns, linked, places }: OwnProtocol): Protocol {
  const part = oneOf(bodyPart);
  return {
    name: id,
    modalities,
    needs: modalities,
    ...(part && { bodyPart: part }),
    ...(linked && { linked }),
    places: places.map(placeOf),
    layout: layout(rows, columns),
  };
}

/** As many places as the layout has: those that are there, then such that take anything. */
export function placesFor(rows: number, columns: number, places: readonly OwnPlace[]): OwnPlace[] {
  return Array.from({ length: sizeOf(layout(rows, columns)) }, (_, index) => places[index] ?? ANYTHING);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value.slice(0, TEXT_LONGEST) : "";
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function ownPlace(value: unknown): OwnPlace {
  if (!isObject(value)) return ANYTHING;
  const { laterality, prior } = value;
  return {
    modality: textOf(value["modality"]),
    words: textOf(value["words"]),
    view: textOf(value["view"]),
    laterality: laterality === "L" || laterality === "R" ? laterality : "",
    prior: prior === true,
  };
}

/** What was kept, whoever wrote it: what is no protocol is left out. */
export function ownProtocols(kept: unknown): OwnProtocol[] {
  if (!Array.isArray(kept)) return [];
  return kept.slice(0, PROTOCOLS_MOST).flatMap((value: unknown): OwnProtocol[] => {
    if (!isObject(value)) return [];
    const { rows, columns } = layout(Number(value["rows"]), Number(value["columns"]));
    const modalities = Array.isArray(value["modalities"]) ? modalitiesIn(value["modalities"].join(",")) : undefined;
    const [id, name] = [textOf(value["id"]), textOf(value["name"])];
    if (!id || !name || !modalities || modalities.length === 0) return [];
    const places = Array.isArray(value["places"]) ? value["places"].map(ownPlace) : [];
    return [{ id, name, modalities, bodyPart: textOf(value["bodyPart"]), rows, columns, linked: value["linked"] === true, places: placesFor(rows, columns, places) }];
  });
}

/** Where a reader's likings are kept between visits: `Preferences`, or what stands for them. */
export interface Kept {
  /** Until it is true nothing is known, and nothing is kept. */
  readonly loaded: ReadonlySignal<boolean>;
  get(name: string): unknown;
  set(name: string, value: unknown): void;
}

const NAME = "hanging.own";

/** The reader's own protocols, as they are now. */
export class OwnProtocols {
  readonly all = computed<readonly OwnProtocol[]>(() => ownProtocols(this.kept.get(NAME)));

  constructor(private readonly kept: Kept) {}

  /** Keep it, in place of the one with its identifier; false when there are as many, or as long ones, as may be. */
  save(protocol: OwnProtocol): boolean {
    const all = [...this.all.peek().filter(({ id }) => id !== protocol.id), protocol];
    if (all.length > PROTOCOLS_MOST || new TextEncoder().encode(JSON.stringify(all)).length > BYTES_MOST) return false;
    this.kept.set(NAME, all);
    return true;
  }

  remove(id: string): void {
    this.kept.set(
      NAME,
      this.all.peek().filter((one) => one.id !== id),
    );
  }
}
