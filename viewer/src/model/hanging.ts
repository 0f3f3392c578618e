/** Hanging protocols: which pictures of a study stand where. The shipped table, and the rule that chooses from it and the reader's own. */

import type { SeriesSummary } from "@/dicomweb/client";
import type { Frame } from "@/dicomweb/frames";
import { items, Tag, text, type Dataset } from "@/dicomweb/json";
import { ONE_UP, type Layout } from "@/model/layout";

/** What a place asks of a picture; what is not named may be anything. */
export interface Place {
  readonly modality?: string;
  /** Matched in the series description. */
  readonly says?: RegExp;
  readonly saysNot?: RegExp;
  /** Matched in the view position, in the name of the view, or in the series description when neither is there. */
  readonly view?: RegExp;
  readonly laterality?: "L" | "R";
  /** Filled from the patient's earlier study instead. */
  readonly prior?: true;
}

export const PROTOCOL_NAMES = ["radiography", "sides", "radiographs", "mammography", "mammographyPrior", "ctHead", "ctChest", "ct", "mr", "ultrasound", "angiography", "petCt", "pet"] as const;
export type ProtocolName = (typeof PROTOCOL_NAMES)[number];

export interface Protocol {
  /** One of PROTOCOL_NAMES; of the reader's own the identifier. */
  readonly name: string;
  /** One picture of any of them at least; of none but them are the places filled. */
  readonly modalities: readonly string[];
  /** All of them must be there. */
  readonly needs?: readonly string[];
  /** Its stacks are scrolled together. */
  readonly linked?: true;
  /** Matched in the body parts and descriptions of the series. */
  readonly bodyPart?: RegExp;
  /** For studies alone in which every place finds a picture that suits it. */
  readonly whole?: true;
  /** For studies alone in which there is a picture of each side. */
  readonly bothSides?: true;
  /** Each image is a picture of its own, whatever its series. */
  readonly singly?: true;
  /** The one that hangs the same with the patient's earlier study, where this one has no place for it. */
  readonly withPrior?: ProtocolName;
  /** In reading order. Without a layout at most four: one viewport, two beside each other, or two by two. */
  readonly places: readonly Place[];
  /** How the viewports stand, whatever is found: one place for each. Only pictures that nothing speaks against fill them. */
  readonly layout?: Layout;
}

export const FRONTAL = /^(pa|ap|ap[ _-]?(axial|erect|supine))$|postero-?anterior|antero-?posterior|frontal|\b(pa|ap)\b/i;
export const LATERAL = /^(ll|rl|lld|rld|lat)$|lateral|\blat\b/i;
export const CRANIO_CAUDAL = /^(x?cc[lm]?|fb)$|cranio-?caudal|\b[lr]?cc\b/i;
export const OBLIQUE = /^mlo$|medio-?lateral oblique|\b[lr]?mlo\b/i;
export const CORONAL = /\b(cor|coronal)\b/i;
export const SAGITTAL = /\b(sag|sagittal)\b/i;
const OTHER_PLANE = /\b(cor|sag|coronal|sagittal|mpr|mip|3d|vrt)\b/i;
export const LUNG = /lung|pulmo|лёгк|легк|өкпе|өпкө/i;
export const BONE = /bone|knochen|кост|сүйек|сөөк/i;
const SOFT = /\b(soft|st|std|standard|ax|axial|tra|transverse|mediast\w*|abd\w*|brain|b[23]\d[a-z]?)\b|мягк|мозг|осев|аксиал/i;
const NOT_SOFT = new RegExp([OTHER_PLANE, LUNG, BONE].map(({ source }) => source).join("|"), "i");
const SOFT_TISSUE: Place = { says: SOFT, saysNot: NOT_SOFT };
const CORONAL_PLANE: Place = { says: CORONAL };
const SAGITTAL_PLANE: Place = { says: SAGITTAL };
const FOUR_VIEWS = [
  { laterality: "R", view: CRANIO_CAUDAL },
  { laterality: "L", view: CRANIO_CAUDAL },
  { laterality: "R", view: OBLIQUE },
  { laterality: "L", view: OBLIQUE },
] as const satisfies readonly Place[];
export const FLAIR = /flair|tirm|dark[ _-]?fluid/i;
export const DIFFUSION = /dwi|diff|\bb ?(8|10)00\b|\badc\b/i;
export const T1 = /(^|[^a-z])t1(?![0-9])/i;
export const T2 = /(^|[^a-z])t2(?![0-9])/i;

/** Shipped protocols; of those that suit equally well the first is taken. */
const SHIPPED: readonly (Protocol & { readonly name: ProtocolName })[] = [
  { name: "radiography", modalities: ["CR", "DX"], whole: true, places: [{ view: FRONTAL }, { view: LATERAL }] },
  {
    name: "sides",
    modalities: ["CR", "DX"],
    bothSides: true,
    places: [{ laterality: "R", view: FRONTAL }, { laterality: "L", view: FRONTAL }, { laterality: "R" }, { laterality: "L" }],
  },
  { name: "radiographs", modalities: ["CR", "DX"], singly: true, places: [{}, {}, {}, {}] },
  { name: "mammography", modalities: ["MG"], places: FOUR_VIEWS, withPrior: "mammographyPrior" },
  {
    name: "mammographyPrior",
    modalities: ["MG"],
    places: [...FOUR_VIEWS, ...FOUR_VIEWS.map(({ laterality, view }) => ({ laterality, view, prior: true as const }))],
    layout: { rows: 2, columns: 4 },
  },
  { name: "ct", modalities: ["CT"], linked: true, places: [SOFT_TISSUE, CORONAL_PLANE, SAGITTAL_PLANE, { says: BONE }] },
  {
    name: "ctHead",
    modalities: ["CT"],
    linked: true,
    bodyPart: /head|brain|skull|neuro|cerebr|голов|мозг|череп/i,
    places: [SOFT_TISSUE, { says: BONE, saysNot: OTHER_PLANE }, CORONAL_PLANE, SAGITTAL_PLANE],
  },
  {
    name: "ctChest",
    modalities: ["CT"],
    linked: true,
    bodyPart: /chest|thorax|lung|груд|лёгк|легк|кеуде|көкүрөк/i,
    places: [SOFT_TISSUE, { says: LUNG, saysNot: OTHER_PLANE }, CORONAL_PLANE, SAGITTAL_PLANE],
  },
  {
    name: "mr",
    modalities: ["MR"],
    linked: true,
    places: [{ says: T1, saysNot: FLAIR }, { says: T2, saysNot: FLAIR }, { says: FLAIR }, { says: DIFFUSION }],
  },
  { name: "ultrasound", modalities: ["US", "IVUS"], places: [{}] },
  { name: "angiography", modalities: ["XA", "RF"], places: [{}] },
  { name: "petCt", modalities: ["PT", "CT"], needs: ["PT", "CT"], linked: true, places: [{ modality: "CT", saysNot: NOT_SOFT }, { modality: "PT" }] },
  { name: "pet", modalities: ["PT"], places: [{}] },
];

/** What can stand in a viewport: a series, or one image of it. */
export interface Picture {
  readonly series: SeriesSummary;
  readonly imageIndex: number;
  readonly laterality: string;
  readonly view: string;
}

/** A protocol's pictures in a layout, row by row; a place nothing suits is empty. */
export interface Arrangement {
  readonly protocol: string;
  readonly layout: Layout;
  readonly pictures: readonly (Picture | undefined)[];
  /** Whether its stacks are scrolled together. */
  readonly linked: boolean;
}

/** The images of a series where they are known already. */
export type FramesOf = (series: SeriesSummary) => readonly Frame[] | undefined;

const VIEW_POSITION = "00185101";
const VIEW_CODES = "00540220";
const IMAGE_LATERALITY = "00200062";
const LATERALITY = "00200060";

/** Scanners write "ax_t1_se", and "_" is a letter to `\b`. */
export function said({ description }: SeriesSummary): string {
  return description.replaceAll("_", " ");
}

/** The side that a description of the kind "RCC" or "L MLO" names. */
function namedSide(description: string): string {
  return /(?:^|[^a-z])([LR])[ _-]?(?:x?cc|ml|lm)/i.exec(description)?.[1]?.toUpperCase() ?? "";
}

export function pictureOf(series: SeriesSummary, imageIndex = 0, dataset: Dataset = {}): Picture {
  const [code] = items(dataset, VIEW_CODES);
  return {
    series,
    imageIndex,
    laterality: text(dataset, IMAGE_LATERALITY) || text(dataset, LATERALITY) || namedSide(series.description),
    view: text(dataset, VIEW_POSITION) || (code && text(code, Tag.CodeMeaning)) || said(series),
  };
}

/** What the protocol may hang: its modalities' series, or each object of them. */
export function picturesOf(protocol: Pick<Protocol, "modalities" | "places" | "singly">, all: readonly SeriesSummary[], framesOf: FramesOf): Picture[] {
  const { modalities } = protocol;
  const suitable = all.filter(({ modality }) => modalities.includes(modality));
  const diagnostic = suitable.filter((series) => !isScout(series));
  return (diagnostic.length > 0 ? diagnostic : suitable).flatMap((series) => {
    const frames = isOfImages(protocol) ? framesOf(series) : undefined;
    if (!frames || frames.length === 0) return [pictureOf(series)];
    return frames.flatMap(({ frameNumber, dataset }, index) => (frameNumber === 1 ? [pictureOf(series, index, dataset)] : []));
  });
}

/** Images that others are planned on, and tables of dose: hung last of all. */
function isScout({ description }: SeriesSummary): boolean {
  return /scout|topogram|locali[sz]er|surview|scanogram|three[ _-]?plane|(?<!(low|reduced|full|standard|half|normal|high)[ _-]?)dose(?!d)|smart ?prep|premonitoring|топограм|локалайз/i.test(description);
}

/** Whether nothing speaks against the picture in this place. */
function mayStand(place: Place, { series, laterality }: Picture): boolean {
  return (
    (place.modality === undefined || place.modality === series.modality) &&
    !place.saysNot?.test(said(series)) &&
    (place.laterality === undefined || place.laterality === laterality)
  );
}

function suits(place: Place, picture: Picture): boolean {
  return mayStand(place, picture) && (place.says?.test(said(picture.series)) ?? true) && (place.view?.test(picture.view) ?? true);
}

/** Every place that is empty takes the first picture waiting that is `right` for it. */
function take(
  places: readonly Place[],
  taken: readonly (Picture | undefined)[],
  waiting: Picture[],
  right: (place: Place, picture: Picture) => boolean,
): (Picture | undefined)[] {
  return places.map((place, index) => {
    if (taken[index]) return taken[index];
    const at = waiting.findIndex((picture) => right(place, picture));
    return at < 0 ? undefined : waiting.splice(at, 1)[0];
  });
}

/** What is hung, and by what. */
export interface Hangable {
  readonly series: readonly SeriesSummary[];
  /** The images of a series where they are known already. */
  readonly framesOf: FramesOf;
  /** Of the patient's earlier study, where it is known. */
  readonly prior?: readonly SeriesSummary[];
  /** The reader's own protocols: they come before the shipped. */
  readonly own?: readonly Protocol[];
}

interface Seated {
  readonly protocol: Protocol;
  readonly places: readonly (Picture | undefined)[];
  readonly score: number;
}

const OWN_FIRST = 1000;

/**
 * Every place takes the first picture that suits it, else one that nothing speaks against, else, without a layout of its own, any. The
 * score: a hundred for each modality that is asked for and there, ten for the body part, one for each place that asks for something and has it.
 */
function seat(protocol: Protocol, { series: all, framesOf, prior = [], own = [] }: Hangable): Seated | undefined {
  const present = new Set(all.map(({ modality }) => modality));
  if (!protocol.modalities.some((modality) => present.has(modality))) return undefined;
  if (protocol.needs?.some((modality) => !present.has(modality))) return undefined;
  const waiting = picturesOf(protocol, all, framesOf);
  const isAside = waiting.every(({ series }) => isScout(series)) && all.some(({ modality }) => !protocol.modalities.includes(modality));
  if (isAside && !protocol.layout) return undefined;
  const isOfPart = protocol.bodyPart && waiting.some(({ series }) => protocol.bodyPart?.test(`${said(series)} ${series.bodyPart}`));
  if (protocol.bodyPart && !isOfPart) return undefined;
  const earlier = picturesOf(protocol, prior, framesOf);
  const fill = (taken: readonly (Picture | undefined)[], right: (place: Place, picture: Picture) => boolean): (Picture | undefined)[] => {
    const now = take(protocol.places, taken, waiting, (place, picture) => !place.prior && right(place, picture));
    return take(protocol.places, now, earlier, (place, picture) => place.prior === true && right(place, picture));
  };
  const suited = fill([], suits);
  const areKnown = all.every((series) => !protocol.modalities.includes(series.modality) || framesOf(series) !== undefined);
  if (protocol.whole && areKnown && suited.includes(undefined)) return undefined;
  if (protocol.bothSides && areKnown && !["R", "L"].every((side) => stood(suited, side))) return undefined;
  const filled = fill(suited, mayStand);
  const stand = protocol.layout ? filled : fill(filled, () => true);
  if (!protocol.layout && protocol.needs?.some((modality) => !stand.some((picture) => picture?.series.modality === modality))) return undefined;
  const found = suited.filter((picture, index) => picture !== undefined && asks(protocol.places[index])).length;
  const modalities = protocol.modalities.filter((modality) => present.has(modality)).length;
  return {
    protocol,
    places: stand,
    score: (own.includes(protocol) ? OWN_FIRST : 0) + 100 * modalities + (isOfPart ? 10 : 0) + found,
  };
}

function stood(pictures: readonly (Picture | undefined)[], side: string): boolean {
  return pictures.some((picture) => picture?.laterality === side);
}

function seated(what: Hangable): Seated[] {
  return [...(what.own ?? []), ...SHIPPED].flatMap((protocol) => seat(protocol, what) ?? []);
}

/** The names of the protocols that suit these series at all, the reader's own first. */
export function suitable(series: readonly SeriesSummary[], own: readonly Protocol[] = [], framesOf: FramesOf = () => undefined): string[] {
  return seated({ series, own, framesOf }).map(({ protocol }) => protocol.name);
}

/** The protocol of this name, else the one that suits best; undefined when none does. */
export function arrange(what: Hangable, chosen?: string): Arrangement | undefined {
  const all = seated(what);
  let best = all.find(({ protocol }) => protocol.name === chosen);
  if (!best) for (const one of all) if (!best || one.score > best.score) best = one;
  if (!best) return undefined;
  const { places, protocol } = best;
  const { name } = protocol;
  const linked = protocol.linked === true;
  if (protocol.layout) return { protocol: name, layout: protocol.layout, pictures: places, linked };
  const taken = places.filter((picture) => picture !== undefined);
  if (taken.length <= 1) return { protocol: name, layout: ONE_UP, pictures: taken, linked };
  if (taken.length === 2) return { protocol: name, layout: { rows: 1, columns: 2 }, pictures: taken, linked };
  return { protocol: name, layout: { rows: 2, columns: 2 }, pictures: places, linked };
}

/** Whether it is not for just anything. */
function asks({ modality, laterality, view, says }: Place = {}): boolean {
  return modality !== undefined || laterality !== undefined || view !== undefined || says !== undefined;
}

/** Whether single images stand in the places, however they are shared out among series. */
function isOfImages({ places, singly }: Pick<Protocol, "places" | "singly">): boolean {
  return singly === true || places.some(({ laterality, view }) => laterality !== undefined || view !== undefined);
}

/** The series whose images must be known before the best protocol can stand them in their places. */
export function awaited({ series, prior = [], own = [] }: Hangable, protocol: string): readonly SeriesSummary[] {
  const found = [...own, ...SHIPPED].find(({ name }) => name === protocol);
  return found && isOfImages(found) ? [...series, ...prior].filter(({ modality }) => found.modalities.includes(modality)) : [];
}

/** The protocol which hangs the same and has places for the patient's earlier study, where there is one. */
export function withPrior(protocol: string | undefined): ProtocolName | undefined {
  return SHIPPED.find(({ name }) => name === protocol)?.withPrior;
}

/** Whether the protocol has a place for the patient's earlier study: at `index`, or anywhere. */
export function wantsPrior(own: readonly Protocol[], protocol: string, index?: number): boolean {
  const { places = [] } = [...own, ...SHIPPED].find(({ name }) => name === protocol) ?? {};
  return places.some(({ prior }, at) => prior === true && (index === undefined || index === at));
}
