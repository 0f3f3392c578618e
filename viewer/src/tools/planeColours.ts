/** The colours of planes through a volume: of their lines on the other planes, and of their names. */

import type { PlaneName } from "@/viewport/volumeContract";

export const PLANE_COLOURS: Readonly<Record<PlaneName, string>> = {
  axial: "rgb(255, 196, 61)",
  coronal: "rgb(92, 200, 255)",
  sagittal: "rgb(150, 230, 120)",
};
