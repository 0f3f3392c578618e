import type { Translated } from "@/i18n/catalogue";
import type { study as english } from "@/i18n/en/study";

export const study: Translated<typeof english> = {
  notForDiagnosis: "Не для диагностики",

  "study.back": "К списку",
  "study.series": "Серии",
  "study.untitled": "Без названия",
  "study.series.untitled": "Серия {number}",
  "study.empty": "В этом исследовании нет серий.",
  "study.images": { one: "{count} снимок", few: "{count} снимка", many: "{count} снимков", other: "{count} снимка" },
  "study.objects": { one: "{count} объект", few: "{count} объекта", many: "{count} объектов", other: "{count} объекта" },
  "study.alsoOthers": {
    one: "ещё {count} объект без изображений",
    few: "ещё {count} объекта без изображений",
    many: "ещё {count} объектов без изображений",
    other: "ещё {count} объекта без изображений",
  },

  "compare.nothing": "Других исследований этого пациента здесь нет.",
  "compare.failed": "Другие исследования получить не удалось. Попробуйте ещё раз.",
  "compare.doubtful": "Другой пациент? {name}",
  "compare.earlier": "на {length} раньше",
  "compare.later": "на {length} позже",
  "compare.sameDay": "в тот же день",
  "compare.days": { one: "{count} день", few: "{count} дня", many: "{count} дней", other: "{count} дня" },
  "compare.months": { one: "{count} месяц", few: "{count} месяца", many: "{count} месяцев", other: "{count} месяца" },
  "compare.years": { one: "{count} год", few: "{count} года", many: "{count} лет", other: "{count} года" },

  "layout.cell": "{rows} на {columns}",

  "hanging.title": "Раскладка снимков",
  "hanging.radiography": "Рентген: прямая и боковая",
  "hanging.mammography": "Маммография: CC над MLO",
  "hanging.ctHead": "КТ головы",
  "hanging.ctChest": "КТ груди",
  "hanging.ct": "КТ: сначала аксиальные",
  "hanging.mr": "МРТ: T1, T2, FLAIR, DWI",
  "hanging.ultrasound": "УЗИ: одна серия",
  "hanging.angiography": "Ангиография: одна серия",
  "hanging.petCt": "КТ рядом с ПЭТ",
  "hanging.none": "Серии по порядку",

  "pane.empty": "Выберите серию или перетащите её сюда",

  "card.report": "Структурированное заключение",
  "card.document": "Документ",
  "card.presentation": "Состояние отображения",
  "card.keyObjects": "Ключевые снимки",
  "card.segmentation": "Сегментация",
  "card.radiotherapy": "Объект лучевой терапии",
  "card.waveform": "Кривая (сигнал)",
  "card.video": "Видео",
  "card.registration": "Совмещение изображений",
  "card.other": "Объект без изображений",
  "card.noPictures": "В этой серии нет изображений.",
  "card.kept": "Объект надёжно хранится в архиве, его можно получить по DICOM.",
};
