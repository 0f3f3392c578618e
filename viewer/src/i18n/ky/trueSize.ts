import type { Translated } from "@/i18n/catalogue";
import type { trueSize as english } from "@/i18n/en/trueSize";

export const trueSize: Translated<typeof english> = {
  "tool.trueSize": "Чыныгы өлчөм",
  "tool.trueSize.explain": "Чыныгы өлчөм: сүрөттүн миллиметри экрандагы миллиметрге барабар",
  "size.heading": "Бул дисплейдин өлчөмү",
  "size.explain": "Андан кийин сүрөттөрдү чыныгы өлчөмүндө көрсөтүүгө болот. Тилкеге банк картасын же сызгычты коюп, узундуктары теңелгенче жылдыргычты жылдырыңыз. Маани ушул браузерде, ушундай чечилиштеги дисплей үчүн сакталат: терезе башка дисплейге өтсө, кайра өлчөңүз.",
  "size.reference": "Тилкеге эмне коюлду",
  "size.reference.cardLong": "Банк картасы, узун жагы",
  "size.reference.cardShort": "Банк картасы, кыска жагы",
  "size.reference.ruler": "Сызгыч, 10 см",
  "size.slider": "Тилкенин узундугу",
  "size.perMm": "мм ичинде {count} пиксель",
  "size.keep": "Узундуктары тең",
  "size.forget": "Унутуу",
  "size.unknown": "Бул дисплей өлчөнгөн эмес.",
  "size.known": "Өлчөндү: мм ичинде {count} пиксель.",
  "size.true": "Чыныгы өлчөм",
  "size.true.detector": "Детектордогу чыныгы өлчөм",
  "size.true.magnified": "Болжолдуу чоңойтуу боюнча чыныгы өлчөм",
  "size.true.calibrated": "Калибрлөө боюнча чыныгы өлчөм",
  "size.ask": "Бул дисплейдин өлчөмү азырынча белгисиз. Аны банк картасы же сызгыч менен бир жолу өлчөп, андан кийин чыныгы өлчөмдү кайра чакырыңыз.",
  "size.measure": "Дисплейди өлчөө (жаңы өтмөк)",
};
