/** Data sets and the content of reports, as DICOM JSON. */

import type { Dataset } from "@/dicomweb/json";

export const e = (vr: string, ...Value: unknown[]): { vr: string; Value: unknown[] } => ({ vr, Value });
const code = (value: string): Dataset => ({ "00080100": e("SH", value) });
export const about = (uid: string): Dataset => ({ "00081155": e("UI", uid) });

export function item(type: string, concept: string, more: Dataset = {}, ...children: Dataset[]): Dataset {
  return { "0040A040": e("CS", type), "0040A043": e("SQ", code(concept)), "0040A730": e("SQ", ...children), ...more };
}

export const line = { "00700023": e("CS", "POLYLINE"), "00700022": e("FL", 1, 2, 3, 4) };
