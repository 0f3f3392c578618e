import type { Translated } from "@/i18n/catalogue";
import type { depth as english } from "@/i18n/en/depth";

export const depth: Translated<typeof english> = {
  "measure.slab": "Катмарда маанилер өлчөнбөйт",
  "measure.detector": "Детектордо",
  "measure.partial": "Сүрөттөн жарым-жартылай тышкары",
  "fusion.choose": "Үстүнө коюу",
  "fusion.none": "Үстүндө эч нерсе жок",
  "fusion.opacity": "Үстүнө коюлгандын тунук эместиги",
  "fusion.colours": "Үстүнө коюлгандын түстөрү",
  "fusion.window": "Үстүнө коюлгандын терезеси",
  "fusion.looks": "Үстүнө коюлгандын көрүнүшү",
  "fusion.loading": "Үстүнө коюлуучу жүктөлүүдө",
  "fusion.refused.patient": "Үстүнө коюлган жок: сүрөттөрдө башка бейтап көрсөтүлгөн",
  "fusion.refused.reference": "Үстүнө коюлган жок: сериялардын орток координаттар системасы жок",
  "fusion.refused.volume": "Үстүнө коюлган жок: анын сүрөттөрүнөн көлөм түзүлбөйт",
  "fusion.refused.pixels": "Үстүнө коюлган жок: анын пикселдери бул жерде окулбайт",
  "fusion.refused.memory": "Үстүнө коюлган жок: бул түзмөктө орун жок",
  "tool.curve": "Ийри сызык",
  "tool.curve.explain": "Аймактын убакыт боюнча ийри сызыгы",
  "curve.title": "Убакыт боюнча орточо",
  "curve.of": "Аймактын орточосу, {low} – {high}",
  "curve.loading": "Сүрөт: {done} / {total}",
  "curve.region": "Байкай турган жерди эллипс, тик бурчтук же эркин сызык менен курчаңыз, катмарсыз тегиздикте.",
  "curve.series": "Бул серия ар бир жерди бир гана жолу көрсөтөт.",
  "curve.failed": "Сүрөттөрдүн баары окулган жок.",
  "cine.reached": "жеткени: {count}",
};
