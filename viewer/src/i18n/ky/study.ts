import type { Translated } from "@/i18n/catalogue";
import type { study as english } from "@/i18n/en/study";

export const study: Translated<typeof english> = {
  notForDiagnosis: "Диагноз коюуга арналган эмес",

  "study.back": "Тизмеге",
  "study.series": "Сериялар",
  "study.untitled": "Аталышы жок",
  "study.series.untitled": "{number}-серия",
  "study.empty": "Бул изилдөөдө серия жок.",
  "study.images": { other: "{count} сүрөт" },
  "study.objects": { other: "{count} объект" },
  "study.alsoOthers": { other: "дагы {count} сүрөтсүз объект" },

  "compare.nothing": "Бул жерде бул пациенттин башка изилдөөсү жок.",
  "compare.failed": "Башка изилдөөлөрдү алуу мүмкүн болгон жок. Кайра аракет кылыңыз.",
  "compare.doubtful": "Башка пациентпи? {name}",
  "compare.earlier": "{length} мурун",
  "compare.later": "{length} кийин",
  "compare.sameDay": "ошол эле күнү",
  "compare.days": { other: "{count} күн" },
  "compare.months": { other: "{count} ай" },
  "compare.years": { other: "{count} жыл" },

  "layout.cell": "{rows} × {columns}",

  "hanging.title": "Сүрөттөрдү жайгаштыруу",
  "hanging.radiography": "Рентген: түз жана каптал",
  "hanging.mammography": "Маммография: CC, астында MLO",
  "hanging.ctHead": "Баш КТ",
  "hanging.ctChest": "Көкүрөк КТ",
  "hanging.ct": "КТ: адегенде аксиалдык",
  "hanging.mr": "МРТ: T1, T2, FLAIR, DWI",
  "hanging.ultrasound": "УДИ: бир серия",
  "hanging.angiography": "Ангиография: бир серия",
  "hanging.petCt": "КТ менен ПЭТ катар",
  "hanging.none": "Сериялар ирети менен",

  "pane.empty": "Серияны тандаңыз же бул жерге сүйрөңүз",

  "card.report": "Түзүмдөлгөн корутунду",
  "card.document": "Документ",
  "card.presentation": "Көрсөтүү абалы",
  "card.keyObjects": "Негизги сүрөттөр",
  "card.segmentation": "Сегментация",
  "card.radiotherapy": "Нур терапиясынын объектиси",
  "card.waveform": "Ийри сызык (сигнал)",
  "card.video": "Видео",
  "card.registration": "Сүрөттөрдү дал келтирүү",
  "card.other": "Сүрөтсүз объект",
  "card.noPictures": "Бул серияда сүрөт жок.",
  "card.kept": "Объект архивде ишенимдүү сакталган, аны DICOM аркылуу алууга болот.",
};
