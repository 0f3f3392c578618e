/** What a modality value is: its unit, as the object says it. */

import { items, text, Tag, type Dataset } from "@/dicomweb/json";

const RESCALE_TYPE = "00281054";
const UNITS = "00541001";
const DOSE_UNITS = "30040002";
const REAL_WORLD_VALUE_MAPPING = "00409096";

const PET_UNITS: Readonly<Record<string, string>> = {
  BQML: "Bq/mL",
  GML: "g/mL",
  CNTS: "counts",
  CPS: "counts/s",
  PROPCPS: "∝ counts/s",
  NONE: "",
  PCNT: "%",
};

const UNSPECIFIED = new Set(["", "US", "UNSPECIFIED"]);

/** The unit of values after the modality transform (PS3.3 C.11.1.1.2, C.8.9.1.1.3, C.8.8.3); "" when there is none. */
export function unitOf(dataset: Dataset): string {
  const modality = text(dataset, Tag.Modality);
  if (modality === "PT") return PET_UNITS[text(dataset, UNITS)] ?? text(dataset, UNITS);
  if (modality === "RTDOSE") return text(dataset, DOSE_UNITS) === "GY" ? "Gy" : "";
  const type = text(dataset, RESCALE_TYPE);
  if (!UNSPECIFIED.has(type)) return type;
  // PS3.3 C.8.2.1.1.5: of a CT image Hounsfield units unless it says otherwise; a derived map is not one
  if (modality === "CT" && type === "" && items(dataset, REAL_WORLD_VALUE_MAPPING).length === 0) return "HU";
  return "";
}
