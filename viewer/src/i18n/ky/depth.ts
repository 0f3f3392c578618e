import type { Translated } from "@/i18n/catalogue";
import type { depth as english } from "@/i18n/en/depth";

export const depth: Translated<typeof english> = {
  "measure.slab": "Катмарда маанилер өлчөнбөйт",
  "fusion.choose": "Үстүнө коюу",
  "fusion.none": "Үстүндө эч нерсе жок",
  "fusion.opacity": "Үстүнө коюлгандын тунуксуздугу",
  "fusion.colours": "Үстүнө коюлгандын түстөрү",
  "fusion.window": "Үстүнө коюлгандын терезеси",
  "fusion.loading": "Үстүнө коюлуучу жүктөлүүдө",
  "fusion.refused.patient": "Үстүнө коюлган жок: сүрөттөрдө башка пациент көрсөтүлгөн",
  "fusion.refused.reference": "Үстүнө коюлган жок: сериялардын орток координаттар системасы жок",
  "fusion.refused.volume": "Үстүнө коюлган жок: анын сүрөттөрүнөн көлөм түзүлбөйт",
  "fusion.refused.pixels": "Үстүнө коюлган жок: анын пикселдери бул жерде окулбайт",
  "fusion.refused.memory": "Үстүнө коюлган жок: бул түзмөктө орун жок",
};
