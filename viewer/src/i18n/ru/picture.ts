import type { Translated } from "@/i18n/catalogue";
import type { picture as english } from "@/i18n/en/picture";

export const picture: Translated<typeof english> = {
  "unit.ms": "мс",

  "quality.preview": "Предпросмотр",
  "quality.partial": "Частично",
  "quality.full": "Полное качество",
  "quality.rendered": "Изображение узла",
  "quality.left": "осталось {megabytes} МБ",

  "display.heading": "Тестовая таблица",
  "display.words": "Что должно быть видно",
  "display.caution": "На некалиброванном мониторе диагностика недопустима: следует ли он шкале серого DICOM (GSDF), показывает только фотометр.",
  "display.scaled": "Страница масштабирована: отдельные пиксели оценить нельзя. Установите масштаб браузера 100 %.",
  "display.look.ends": "Видны и серый квадрат в чёрном (5 %), и серый квадрат в белом (95 %).",
  "display.look.steps": "В каждом из восемнадцати квадратов видны оба малых квадрата: темнее и светлее.",
  "display.look.lines": "В двух полосатых квадратах видны отдельные линии, без цвета и без муара.",
  "display.look.ramp": "Переход плавный: без ступеней и без цвета.",
  "display.look.grid": "Линии прямые, белая рамка видна со всех четырёх сторон.",

  "pixel.at": "{column}, {row}:",
  "pixel.none": "без значения: изображение узла",

  "suv.none": "SUV нет: {why}",
  "suv.refused.modality": "это не ПЭТ",
  "suv.refused.units": "значения не в Бк/мл",
  "suv.refused.type": "накопление нормировано не на массу тела",
  "suv.refused.corrections": "нет коррекции на поглощение и распад",
  "suv.refused.decay": "неизвестно, на какое время сделана коррекция распада",
  "suv.refused.weight": "не указана масса пациента",
  "suv.refused.dose": "не указана введённая активность или период полураспада",
  "suv.refused.times": "время введения и сканирования не указано или противоречиво",

  "spacing.detector": "Размеры на детекторе, больше, чем в пациенте",
  "spacing.magnified": "Размеры по оценке увеличения",
  "spacing.none": "Нет калибровки: размеров в мм нет",

  "viewport.label": "Снимок {index} из {total}",
  "viewport.image": "Снимок",
  "viewport.series": "Серия",
  "viewport.window": "Ш {width}  Ц {center}",
  "viewport.zoom": "Масштаб {percent} %",
  "viewport.fit": "целиком",
  "viewport.thickness": "Срез {mm} мм",
  "viewport.lossy": "Сжатие с потерями",
  "viewport.preview": "Предпросмотр",
  "viewport.preview.explain": "Предпросмотр: диагностическое изображение загружается",
  "viewport.partial.explain": "Мелкие детали ещё загружаются",
  "viewport.rendered": "Не для диагностики: изображение подготовлено узлом",
  "viewport.failed": "Этот снимок нельзя показать.",
  "viewport.failed.hint": "Он надёжно хранится в архиве, его можно получить.",
  "viewport.broken": "Диагностический просмотр не запустился. Показаны предварительные изображения.",
  "viewport.slider": "Снимок в серии",
  "viewport.loaded": "Загружено {loaded} из {total}",
  "viewport.previousSeries": "Предыдущая серия",
  "viewport.nextSeries": "Следующая серия",

  "unit.mm": "мм",
  "unit.px": "пикс.",
};
