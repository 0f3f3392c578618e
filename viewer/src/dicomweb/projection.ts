/** Which side of the body a picture shows, and from where it was taken: what a reader of radiographs and mammograms asks first. */

import { items, number, numbers, Tag, text, type Dataset } from "@/dicomweb/json";

const IMAGE_LATERALITY = "00200062";
const FRAME_LATERALITY = "00209072";
const LATERALITY = "00200060";
const VIEW_POSITION = "00185101";
const VIEW_CODES = "00540220";
const VIEW_MODIFIERS = "00540222";
const CODE_VALUE = "00080100";
const SLICE_LOCATION = "00201041";

/** PS3.16 CID 4010 and CID 4014: SNOMED CT, the SNOMED-RT that older devices write, and how readers abbreviate it. */
const VIEWS: readonly (readonly [string, string, string])[] = [
  ["399162004", "R-10242", "CC"],
  ["399368009", "R-10226", "MLO"],
  ["399260004", "R-10224", "ML"],
  ["399352003", "R-10228", "LM"],
  ["399099002", "R-10230", "LMO"],
  ["399196006", "R-10244", "FB"],
  ["399188001", "R-102D0", "SIO"],
  ["441555000", "R-40AAA", "ISO"],
  ["399192008", "R-1024A", "XCCL"],
  ["399101009", "R-1024B", "XCCM"],
  ["272479007", "R-40888", "PA"],
  ["272479007", "R-10214", "PA"],
  ["399348003", "R-10206", "AP"],
  ["399067008", "R-102CD", "LAT"],
  ["399173006", "R-10236", "LL"],
  ["399198007", "R-10232", "RL"],
  ["399135007", "R-10220", "LAO"],
  ["399356000", "R-40985", "RAO"],
  ["399006002", "R-10212", "LPO"],
  ["399038007", "R-10210", "RPO"],
  ["399182000", "R-102C1", "OBL"],
];

/** PS3.16 CID 4015, with the abbreviations of the ACR. */
const MODIFIERS: readonly (readonly [string, string, string])[] = [
  ["399161006", "R-102D2", "CV"],
  ["399011000", "R-102D1", "AT"],
  ["399197002", "R-102D3", "RL"],
  ["399226006", "R-102D4", "RM"],
  ["414493004", "R-102CA", "RI"],
  ["415670009", "R-102C9", "RS"],
  ["399209000", "R-102D5", "ID"],
  ["442581004", "R-40AB3", "NP"],
  ["441752004", "P2-00161", "AC"],
  ["442593008", "R-40ABE", "IMF"],
  ["442580003", "R-40AB2", "AX"],
  ["399163009", "R-102D6", "M"],
  ["399055006", "R-102D7", "S"],
  ["399110001", "R-102C2", "TAN"],
];

function abbreviated(code: Dataset, table: typeof VIEWS): string {
  const value = text(code, CODE_VALUE);
  return table.find((line) => line[0] === value || line[1] === value)?.[2] ?? text(code, Tag.CodeMeaning);
}

/** R, L, or both; "" where the part is not paired or nothing is said (PS3.3 C.7.3.1.1.2, C.8.4.1, C.8.11.3.1). */
export function lateralityOf(dataset: Dataset): string {
  const said = [FRAME_LATERALITY, IMAGE_LATERALITY, LATERALITY].map((tag) => text(dataset, tag).toUpperCase());
  const found = said.find((value) => value === "R" || value === "L" || value === "B") ?? "";
  return found === "B" ? "R + L" : found;
}

/** The view as readers abbreviate it, with its modifiers: `MLO`, `CC M S`; "" where the object does not say it. */
export function viewOf(dataset: Dataset): string {
  const [code] = items(dataset, VIEW_CODES);
  const coded = code ? abbreviated(code, VIEWS) : "";
  const modifiers = [...(code ? items(code, VIEW_MODIFIERS) : []), ...items(dataset, VIEW_MODIFIERS)];
  const words = [text(dataset, VIEW_POSITION) || coded, ...modifiers.map((one) => abbreviated(one, MODIFIERS))];
  return words.filter((word) => word !== "").join(" ");
}

/** Whether a reader has to know the side: a breast always has one. */
export function needsSide(dataset: Dataset): boolean {
  return text(dataset, Tag.Modality) === "MG";
}

/** Where a slice lies along its normal, in mm. */
export interface SlicePosition {
  /** Grows towards the patient's left, back or head (PS3.3 C.7.6.2.1.1), as the table's position is quoted. */
  readonly mm: number;
  /** The side of the patient's origin that it is on; "" at the origin, or where only the scanner's number is known. */
  readonly towards: string;
}

const TOWARDS = ["LR", "PA", "HF"] as const;

/** The position of a point on the plane with these cosines; undefined when they name none. */
export function positionAlong(cosines: readonly number[], point: readonly number[]): SlicePosition | undefined {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = cosines;
  const normal = [b * f - c * e, c * d - a * f, a * e - b * d];
  const main = [0, 1, 2].toSorted((one, other) => Math.abs(normal[other] ?? 0) - Math.abs(normal[one] ?? 0))[0] ?? 2;
  const steep = normal[main] ?? 0;
  if (cosines.length < 6 || point.length < 3 || steep === 0) return undefined;
  const mm = normal.reduce((sum, share, axis) => sum + share * (point[axis] ?? 0), 0) * Math.sign(steep) + 0; // no negative zero
  return { mm, towards: mm === 0 ? "" : (TOWARDS[main]?.[mm > 0 ? 0 : 1] ?? "") };
}

/** Of an image: from its place in the patient, else what the scanner numbers it. */
export function slicePosition(dataset: Dataset): SlicePosition | undefined {
  const placed = positionAlong(numbers(dataset, Tag.ImageOrientationPatient), numbers(dataset, Tag.ImagePositionPatient));
  const located = number(dataset, SLICE_LOCATION);
  return placed ?? (located === undefined ? undefined : { mm: located, towards: "" });
}

/** How an image is turned on the screen: mirrored first, then turned to the right. */
export interface Turning {
  readonly flipped: "no" | "horizontally" | "vertically";
  /** Whole degrees to the right, 0 to 359. */
  readonly degrees: number;
}

/** From where the screen's right and down look to in the image, as columns and rows. */
export function turningOf([right, rightRows, down, downRows]: readonly [number, number, number, number] = [1, 0, 0, 1]): Turning {
  const mirrored = right * downRows - rightRows * down < 0;
  const angle = Math.atan2(-rightRows, mirrored ? -right : right);
  const degrees = (Math.round((angle * 180) / Math.PI) + 360) % 360;
  if (!mirrored) return { flipped: "no", degrees };
  return degrees === 180 ? { flipped: "vertically", degrees: 0 } : { flipped: "horizontally", degrees };
}
