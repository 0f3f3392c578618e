import type { Translated } from "@/i18n/catalogue";
import type { picture as english } from "@/i18n/en/picture";

export const picture: Translated<typeof english> = {
  "unit.ms": "мс",

  "quality.preview": "Алдын ала көрүнүш",
  "quality.partial": "Жарым-жартылай",
  "quality.full": "Толук сапат",
  "quality.rendered": "Түйүн сүрөтү",
  "quality.left": "{megabytes} МБ калды",

  "display.heading": "Сыноо таблицасы",
  "display.words": "Эмне көрүнүшү керек",
  "display.caution": "Калибрленбеген монитордо диагностика жүргүзүүгө болбойт: анын DICOM боз шкаласына (GSDF) туура келээрин фотометр гана көрсөтөт.",
  "display.scaled": "Барак масштабдалган: айрым пикселдерди баалоого болбойт. Браузердин масштабын 100 % кылып коюңуз.",
  "display.look.ends": "Кара чарчыдагы боз чарчы (5 %) да, ак чарчыдагы боз чарчы (95 %) да көрүнөт.",
  "display.look.steps": "Он сегиз чарчынын ар биринде эки кичине чарчы тең көрүнөт: күңүртү жана ачыгы.",
  "display.look.lines": "Эки тилкелүү чарчыда айрым сызыктар көрүнөт, түссүз жана бөтөн оюусуз.",
  "display.look.ramp": "Өтүү бир калыпта: тепкичсиз жана түссүз.",
  "display.look.grid": "Сызыктар түз, ак жээк төрт жагынан тең көрүнөт.",

  "pixel.at": "{column}, {row}:",
  "pixel.none": "мааниси жок: түйүндүн сүрөтү",

  "suv.none": "SUV жок: {why}",
  "suv.refused.modality": "бул ПЭТ эмес",
  "suv.refused.units": "маанилер Бк/мл менен берилген эмес",
  "suv.refused.type": "топтолуу дене салмагына нормалаштырылган эмес",
  "suv.refused.corrections": "жутулууга жана ажыроого оңдоо жасалган эмес",
  "suv.refused.decay": "ажыроо оңдоосу кайсы убакытка жасалганы белгисиз",
  "suv.refused.weight": "бейтаптын салмагы көрсөтүлгөн эмес",
  "suv.refused.dose": "киргизилген активдүүлүк же жарым ажыроо мезгили көрсөтүлгөн эмес",
  "suv.refused.times": "киргизүү жана сканерлөө убактысы көрсөтүлгөн эмес же карама-каршы",

  "spacing.detector": "Өлчөмдөр детектордо, бейтаптагыдан чоң",
  "spacing.magnified": "Өлчөмдөр болжолдуу чоңойтуу боюнча",
  "spacing.none": "Калибрленген эмес: мм менен өлчөм жок",

  "viewport.label": "Сүрөт {index} / {total}",
  "viewport.image": "Сүрөт",
  "viewport.series": "Серия",
  "viewport.window": "Туур. {width}  Деңг. {center}",
  "viewport.zoom": "Масштаб {percent} %",
  "viewport.fit": "бүтүн",
  "viewport.thickness": "Кесинди {mm} мм",
  "viewport.lossy": "Жоготуу менен кысылган",
  "viewport.preview": "Алдын ала көрүнүш",
  "viewport.preview.explain": "Алдын ала көрүнүш: диагностикалык сүрөт жүктөлүүдө",
  "viewport.partial.explain": "Майда деталдар дагы эле жүктөлүүдө",
  "viewport.rendered": "Диагноз коюуга арналган эмес: сүрөттү түйүн даярдады",
  "viewport.failed": "Бул сүрөттү көрсөтүү мүмкүн эмес.",
  "viewport.failed.hint": "Ал архивде ишенимдүү сакталган, аны алууга болот.",
  "viewport.broken": "Диагностикалык көрсөткүч иштеген жок. Алдын ала көрүнүштөр көрсөтүлүүдө.",
  "viewport.slider": "Сериядагы сүрөт",
  "viewport.loaded": "Жүктөлгөн сүрөттөр: {loaded} / {total}",
  "viewport.previousSeries": "Мурунку серия",
  "viewport.nextSeries": "Кийинки серия",

  "unit.mm": "мм",
  "unit.px": "пикс.",
};
