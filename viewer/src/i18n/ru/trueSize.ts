import type { Translated } from "@/i18n/catalogue";
import type { trueSize as english } from "@/i18n/en/trueSize";

export const trueSize: Translated<typeof english> = {
  "tool.trueSize": "Истинный размер",
  "tool.trueSize.explain": "Истинный размер: миллиметр снимка равен миллиметру на экране",
  "size.heading": "Размер этого дисплея",
  "size.explain": "После этого снимки можно показывать в истинном размере. Приложите к полосе банковскую карту или линейку и двигайте ползунок, пока их длина не совпадёт. Значение хранится в этом браузере для дисплея с таким разрешением: повторите измерение, если окно перенесено на другой дисплей.",
  "size.reference": "Что приложено к полосе",
  "size.reference.cardLong": "Карта, длинная сторона",
  "size.reference.cardShort": "Карта, короткая сторона",
  "size.reference.ruler": "Линейка, 10 см",
  "size.slider": "Длина полосы",
  "size.perMm": "{count} пикс. на мм",
  "size.keep": "Длина совпала",
  "size.forget": "Забыть",
  "size.unknown": "Этот дисплей не измерен.",
  "size.known": "Измерено: {count} пикс. на мм.",
  "size.true": "Истинный размер",
  "size.true.detector": "Истинный размер на детекторе",
  "size.true.magnified": "Истинный размер по оценке увеличения",
  "size.true.calibrated": "Истинный размер по калибровке",
  "size.ask": "Размер этого дисплея ещё не известен. Измерьте его один раз с помощью банковской карты или линейки, затем вызовите истинный размер снова.",
  "size.measure": "Измерить дисплей (новая вкладка)",
};
