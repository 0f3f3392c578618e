import type { Translated } from "@/i18n/catalogue";
import type { deletion as english } from "@/i18n/en/deletion";

export const deletion: Translated<typeof english> = {
  "deletion.open": "Жою…",
  "deletion.heading": "Зерттеулерді жою",
  "deletion.explain": "Олар бірден барлығына көрінбей қалады. Түйін біржола өшіргенше, төменде қалпына келтіруге болады.",
  "deletion.reason": "Себебі, журнал үшін",
  "deletion.do": { other: "{count} зерттеуді жою" },
  "deletion.undoable": "Жойылған және қабылданбаған, қалпына келтіруге болады",
  "deletion.nothing": "Қалпына келтіретін ештеңе жоқ.",
  "deletion.until": "{when} дейін",
  "deletion.restore": "Қалпына келтіру",
};
