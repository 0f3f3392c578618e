import type { Translated } from "@/i18n/catalogue";
import type { deletion as english } from "@/i18n/en/deletion";

export const deletion: Translated<typeof english> = {
  "deletion.open": "Өчүрүү…",
  "deletion.heading": "Изилдөөлөрдү өчүрүү",
  "deletion.explain": "Алар дароо баарына көрүнбөй калат. Түйүн биротоло өчүргөнчө, төмөндө калыбына келтирүүгө болот.",
  "deletion.reason": "Себеби, журнал үчүн",
  "deletion.do": { other: "{count} изилдөөнү өчүрүү" },
  "deletion.undoable": "Өчүрүлгөн жана четке кагылган, калыбына келтирүүгө болот",
  "deletion.nothing": "Калыбына келтире турган эч нерсе жок.",
  "deletion.until": "{when} чейин",
  "deletion.restore": "Калыбына келтирүү",
};
