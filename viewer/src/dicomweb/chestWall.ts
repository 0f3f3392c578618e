/** Where the chest wall of a mammogram is, so that both breasts meet in the middle when they hang beside each other. */

import { Tag, text, texts, type Dataset } from "@/dicomweb/json";

/** The side of the image as it is stored, by what it says of its rows (PS3.3 C.7.6.1.1.1); undefined: no mammogram, or it does not say. */
export function chestWallOf(dataset: Dataset): "left" | "right" | undefined {
  if (text(dataset, Tag.Modality) !== "MG") return undefined;
  const [row = ""] = texts(dataset, Tag.PatientOrientation);
  return SIDES[row.slice(0, 1).toUpperCase()];
}

/** The side of the screen that a mammogram leaves free; undefined: no mammogram, or one that was turned upright. `turned`: see `orientationLetters`. */
export function freeSideOf(dataset: Dataset, turned: readonly number[] = [1, 0, 0, 1]): "left" | "right" | undefined {
  const wall = chestWallOf(dataset);
  const [along = 0] = turned;
  if (!wall || Math.abs(along) < UPRIGHT) return undefined;
  return (wall === "right") === along > 0 ? "left" : "right";
}

const UPRIGHT = 0.5;
const SIDES: Readonly<Record<string, "left" | "right">> = { P: "right", A: "left" };
