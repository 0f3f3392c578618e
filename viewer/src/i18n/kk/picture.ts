import type { Translated } from "@/i18n/catalogue";
import type { picture as english } from "@/i18n/en/picture";

export const picture: Translated<typeof english> = {
  "unit.ms": "мс",

  "quality.preview": "Алдын ала көрініс",
  "quality.partial": "Ішінара",
  "quality.full": "Толық сапа",
  "quality.rendered": "Торап кескіні",
  "quality.left": "{megabytes} МБ қалды",

  "display.heading": "Сынақ кестесі",
  "display.words": "Не көрінуі керек",
  "display.caution": "Калибрленбеген мониторда диагностика жасауға болмайды: оның DICOM сұр шкаласына (GSDF) сай екенін тек фотометр көрсетеді.",
  "display.scaled": "Бет масштабталған: жеке пиксельдерді бағалау мүмкін емес. Браузер масштабын 100 % етіп қойыңыз.",
  "display.look.ends": "Қара шаршыдағы сұр шаршы (5 %) да, ақ шаршыдағы сұр шаршы (95 %) да көрінеді.",
  "display.look.steps": "Он сегіз шаршының әрқайсысында екі кіші шаршы да көрінеді: күңгірті және ашығы.",
  "display.look.lines": "Екі жолақты шаршыда жеке сызықтар көрінеді, түссіз және бөтен өрнексіз.",
  "display.look.ramp": "Өту біркелкі: сатысыз және түссіз.",
  "display.look.grid": "Сызықтар түзу, ақ жиек төрт жақтан да көрінеді.",

  "pixel.at": "{column}, {row}:",
  "pixel.none": "мәні жоқ: тораптың кескіні",

  "suv.none": "SUV жоқ: {why}",
  "suv.refused.modality": "бұл ПЭТ емес",
  "suv.refused.units": "мәндер Бк/мл-мен берілмеген",
  "suv.refused.type": "жинақталу дене салмағына нормаланбаған",
  "suv.refused.corrections": "жұтылу мен ыдырауға түзету жасалмаған",
  "suv.refused.decay": "ыдырау түзетуі қай уақытқа жасалғаны белгісіз",
  "suv.refused.weight": "пациенттің салмағы көрсетілмеген",
  "suv.refused.dose": "енгізілген белсенділік немесе жартылай ыдырау кезеңі көрсетілмеген",
  "suv.refused.times": "енгізу мен сканерлеу уақыты көрсетілмеген немесе қайшы",

  "spacing.detector": "Өлшемдер детекторда, пациенттегіден үлкен",
  "spacing.magnified": "Өлшемдер болжалды ұлғайту бойынша",
  "spacing.none": "Калибрленбеген: мм-дегі өлшемдер жоқ",

  "viewport.label": "Кескін {index} / {total}",
  "viewport.image": "Кескін",
  "viewport.series": "Серия",
  "viewport.window": "Ені {width}  Деңг. {center}",
  "viewport.zoom": "Масштаб {percent} %",
  "viewport.fit": "толық",
  "viewport.thickness": "Қима {mm} мм",
  "viewport.lossy": "Шығынмен сығылған",
  "viewport.preview": "Алдын ала көрініс",
  "viewport.preview.explain": "Алдын ала көрініс: диагностикалық кескін жүктелуде",
  "viewport.partial.explain": "Ұсақ бөлшектер әлі жүктелуде",
  "viewport.rendered": "Диагноз қоюға арналмаған: кескінді торап дайындады",
  "viewport.failed": "Бұл кескінді көрсету мүмкін емес.",
  "viewport.failed.hint": "Ол мұрағатта сенімді сақталған, оны алуға болады.",
  "viewport.broken": "Диагностикалық көру құралы іске қосылмады. Алдын ала көріністер көрсетілуде.",
  "viewport.slider": "Сериядағы кескін",
  "viewport.loaded": "Жүктелген кескіндер: {loaded} / {total}",
  "viewport.previousSeries": "Алдыңғы серия",
  "viewport.nextSeries": "Келесі серия",

  "unit.mm": "мм",
  "unit.px": "пикс.",
};
