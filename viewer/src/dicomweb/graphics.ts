/** What presentation states draw on images (PS3.3 C.10.5): figures, texts and compound graphics, with their styles. */

import { fromLab } from "@/dicomweb/colour";
import type { Frame } from "@/dicomweb/frames";
import { items, lines, number, numbers, text, type Dataset } from "@/dicomweb/json";
import { areItemsAbout } from "@/dicomweb/presentation";

const GR = {
  GraphicAnnotationSequence: "00700001",
  GraphicLayer: "00700002",
  BoundingBoxUnits: "00700003",
  AnchorPointUnits: "00700004",
  GraphicAnnotationUnits: "00700005",
  UnformattedTextValue: "00700006",
  TextObjectSequence: "00700008",
  GraphicObjectSequence: "00700009",
  BoundingBoxTopLeft: "00700010",
  AnchorPoint: "00700014",
  GraphicData: "00700022",
  GraphicType: "00700023",
  GraphicFilled: "00700024",
  GraphicLayerSequence: "00700060",
  GraphicLayerOrder: "00700062",
  GraphicLayerGray: "00700066",
  GraphicLayerCIELab: "00700401",
  CompoundGraphicSequence: "00700209",
  CompoundGraphicInstanceID: "00700226",
  RotationAngle: "00700230",
  TextStyleSequence: "00700231",
  LineStyleSequence: "00700232",
  FillStyleSequence: "00700233",
  TextColorCIELab: "00700241",
  Underlined: "00700248",
  Bold: "00700249",
  Italic: "00700250",
  PatternOnColorCIELab: "00700251",
  LineThickness: "00700253",
  LineDashingStyle: "00700254",
  LinePattern: "00700255",
  GapLength: "00700261",
  DiameterOfVisibility: "00700262",
  RotationPoint: "00700273",
  TickAlignment: "00700274",
  ShowTickLabel: "00700278",
  TickLabelAlignment: "00700279",
  CompoundGraphicUnits: "00700282",
  PatternOnOpacity: "00700284",
  MajorTicksSequence: "00700287",
  TickPosition: "00700288",
  TickLabel: "00700289",
  CompoundGraphicType: "00700294",
} as const;

export type Pair = readonly [number, number];

/** How lines, letters and areas look; undefined where nothing is said. */
export interface Style {
  /** As CSS writes it. */
  readonly colour: string | undefined;
  readonly opacity: number;
  /** In the units of the points. */
  readonly thickness: number | undefined;
  /** Lengths drawn and left out in turn, in thicknesses; empty: one line without gaps. */
  readonly dashes: readonly number[];
  readonly fill: string | undefined;
  readonly letters: { readonly colour: string | undefined; readonly bold: boolean; readonly italic: boolean; readonly underlined: boolean };
}

export interface Tick {
  /** From the first point (0) to the second (1). */
  readonly at: number;
  readonly label: string;
}

/** What compound graphics say besides their points. */
export interface Compound {
  /** Counterclockwise, in degrees, about `pivot`. */
  readonly angle: number;
  readonly pivot: Pair | undefined;
  /** Diameters of circles, fractions of the displayed area: where nothing is drawn, and where alone something is. */
  readonly gap: number;
  readonly visible: number | undefined;
  readonly ticks: readonly Tick[];
  readonly tickAlignment: string;
  readonly labelAlignment: string;
}

/** A figure or a text; `display` points are fractions of the displayed area, others pixels of the image. */
export interface Mark {
  readonly type: string;
  readonly points: readonly Pair[];
  readonly display: boolean;
  readonly filled: boolean;
  readonly text: string;
  readonly style: Style;
  readonly compound?: Compound;
}

/** PCS-Values of 16 bits (PS3.3 C.10.7.1.1) as CSS writes a colour. */
function colourIn(dataset: Dataset | undefined, tag: string): string | undefined {
  const [l, a, b] = dataset ? numbers(dataset, tag) : [];
  if (l === undefined || a === undefined || b === undefined) return undefined;
  return `rgb(${fromLab((l * 100) / 65535, (a * 255) / 65535 - 128, (b * 255) / 65535 - 128).join(" ")})`;
}

function greyIn(dataset: Dataset): string | undefined {
  const value = number(dataset, GR.GraphicLayerGray);
  if (value === undefined) return undefined;
  const grey = Math.round((value / 65535) * 255);
  return `rgb(${grey} ${grey} ${grey})`;
}

function pairs(flat: readonly number[]): Pair[] {
  return Array.from({ length: Math.floor(flat.length / 2) }, (_, index) => [flat[2 * index] ?? 0, flat[2 * index + 1] ?? 0]);
}

/** Runs of a pattern of 32 bits, the highest first, beginning with one that is drawn (C.10.5.1.3.13.1). */
export function runsOf(pattern: number): number[] {
  const bits = Array.from({ length: 32 }, (_, index) => (pattern >>> (31 - index)) & 1);
  const start = bits.findIndex((bit, index) => bit === 1 && bits.at(index - 1) === 0);
  if (start < 0) return [];
  const runs: number[] = [];
  let last = 0;
  for (let index = 0; index < bits.length; index += 1) {
    const bit = bits[(start + index) % bits.length] ?? 0;
    if (bit === last) runs.push((runs.pop() ?? 0) + 1);
    else runs.push(1);
    last = bit;
  }
  return runs.map((run) => run / 4);
}

function styleOf(mark: Dataset, layer: string | undefined): Style {
  const [line, fill, letters] = [GR.LineStyleSequence, GR.FillStyleSequence, GR.TextStyleSequence].map((tag) => items(mark, tag)[0]);
  const dashed = line !== undefined && text(line, GR.LineDashingStyle) === "DASHED";
  const is = (tag: string): boolean => letters !== undefined && text(letters, tag) === "Y";
  return {
    colour: colourIn(line, GR.PatternOnColorCIELab) ?? layer,
    opacity: (line && number(line, GR.PatternOnOpacity)) ?? 1,
    thickness: line && number(line, GR.LineThickness),
    dashes: dashed ? runsOf(number(line, GR.LinePattern) ?? 0xff00ff00) : [],
    fill: colourIn(fill, GR.PatternOnColorCIELab),
    letters: { colour: colourIn(letters, GR.TextColorCIELab) ?? layer, bold: is(GR.Bold), italic: is(GR.Italic), underlined: is(GR.Underlined) },
  };
}

function figureMark(figure: Dataset, layer: string | undefined): Mark {
  return {
    type: text(figure, GR.GraphicType),
    points: pairs(numbers(figure, GR.GraphicData)),
    display: text(figure, GR.GraphicAnnotationUnits) === "DISPLAY",
    filled: text(figure, GR.GraphicFilled) === "Y",
    text: "",
    style: styleOf(figure, layer),
  };
}

function textMark(words: Dataset, layer: string | undefined): Mark {
  const anchored = GR.AnchorPoint in words;
  return {
    type: "TEXT",
    points: pairs(numbers(words, anchored ? GR.AnchorPoint : GR.BoundingBoxTopLeft)),
    display: text(words, anchored ? GR.AnchorPointUnits : GR.BoundingBoxUnits) === "DISPLAY",
    filled: false,
    text: lines(words, GR.UnformattedTextValue),
    style: styleOf(words, layer),
  };
}

function compoundMark(graphic: Dataset, layer: string | undefined): Mark {
  const labelled = text(graphic, GR.ShowTickLabel) !== "N";
  return {
    type: text(graphic, GR.CompoundGraphicType),
    points: pairs(numbers(graphic, GR.GraphicData)),
    display: text(graphic, GR.CompoundGraphicUnits) === "DISPLAY",
    filled: text(graphic, GR.GraphicFilled) === "Y",
    text: "",
    style: styleOf(graphic, layer),
    compound: {
      angle: number(graphic, GR.RotationAngle) ?? 0,
      pivot: pairs(numbers(graphic, GR.RotationPoint))[0],
      gap: number(graphic, GR.GapLength) ?? 0,
      visible: number(graphic, GR.DiameterOfVisibility),
      ticks: items(graphic, GR.MajorTicksSequence).map((tick) => ({
        at: number(tick, GR.TickPosition) ?? 0,
        label: labelled ? text(tick, GR.TickLabel) : "",
      })),
      tickAlignment: text(graphic, GR.TickAlignment) || "CENTER",
      labelAlignment: text(graphic, GR.TickLabelAlignment) || "BOTTOM",
    },
  };
}

/** Compound Graphic Types (C.10.5.1.3.3 and following), with the least number of their points. */
const COMPOUND: Readonly<Record<string, number>> = {
  MULTILINE: 2,
  INFINITELINE: 2,
  CUTLINE: 2,
  RANGELINE: 2,
  RULER: 2,
  AXIS: 2,
  CROSSHAIR: 1,
  ARROW: 2,
  RECTANGLE: 2,
  ELLIPSE: 2,
};

function isKnown({ type, points }: Mark): boolean {
  return points.length >= (COMPOUND[type] ?? Infinity);
}

/** The colours of the layers by their names, as CSS writes them; undefined where a layer says none. */
export function layerColours(state: Dataset): ReadonlyMap<string, string | undefined> {
  return new Map(items(state, GR.GraphicLayerSequence).map((layer) => [text(layer, GR.GraphicLayer), colourOf(layer)]));
}

function colourOf(layer: Dataset): string | undefined {
  return colourIn(layer, GR.GraphicLayerCIELab) ?? greyIn(layer);
}

/** What is drawn on this image, lower layers first: a compound graphic that is known, or the figures that stand for it. */
export function marksOf(state: Dataset, frame: Frame): Mark[] {
  const layers = new Map(items(state, GR.GraphicLayerSequence).map((layer) => [text(layer, GR.GraphicLayer), layer]));
  const layerOf = (item: Dataset): Dataset | undefined => layers.get(text(item, GR.GraphicLayer));
  const order = (item: Dataset): number => number(layerOf(item) ?? {}, GR.GraphicLayerOrder) ?? 0;
  const found: Mark[] = [];
  const about = items(state, GR.GraphicAnnotationSequence).filter((item) => areItemsAbout(item, frame));
  for (const item of about.toSorted((one, other) => order(one) - order(other))) {
    const layer = layerOf(item);
    const colour = layer && colourOf(layer);
    const compounds = items(item, GR.CompoundGraphicSequence).map((one) => ({ id: number(one, GR.CompoundGraphicInstanceID), mark: compoundMark(one, colour) }));
    const drawn = compounds.filter(({ mark }) => isKnown(mark));
    const ids = new Set(drawn.map(({ id }) => id).filter((id) => id !== undefined));
    const stands = (one: Dataset): boolean => ids.has(number(one, GR.CompoundGraphicInstanceID) ?? NaN);
    found.push(
      ...items(item, GR.GraphicObjectSequence).filter((one) => !stands(one)).map((one) => figureMark(one, colour)),
      ...items(item, GR.TextObjectSequence).filter((one) => !stands(one)).map((one) => textMark(one, colour)),
      ...drawn.map(({ mark }) => mark),
    );
  }
  return found;
}
