import type { Translated } from "@/i18n/catalogue";
import type { depth as english } from "@/i18n/en/depth";

export const depth: Translated<typeof english> = {
  "measure.slab": "Катмарда маанилер өлчөнбөйт",
};
