import type { Translated } from "@/i18n/catalogue";
import type { study as english } from "@/i18n/en/study";

export const study: Translated<typeof english> = {
  notForDiagnosis: "Диагноз қоюға арналмаған",

  "study.back": "Тізімге",
  "study.series": "Сериялар",
  "study.untitled": "Атауы жоқ",
  "study.series.untitled": "{number}-серия",
  "study.empty": "Бұл зерттеуде серия жоқ.",
  "study.images": { other: "{count} кескін" },
  "study.objects": { other: "{count} нысан" },
  "study.alsoOthers": { other: "тағы {count} кескінсіз нысан" },

  "compare.nothing": "Мұнда бұл пациенттің басқа зерттеуі жоқ.",
  "compare.failed": "Басқа зерттеулерді алу мүмкін болмады. Қайталап көріңіз.",
  "compare.doubtful": "Басқа пациент пе? {name}",
  "compare.earlier": "{length} бұрын",
  "compare.later": "{length} кейін",
  "compare.sameDay": "сол күні",
  "compare.days": { other: "{count} күн" },
  "compare.months": { other: "{count} ай" },
  "compare.years": { other: "{count} жыл" },

  "layout.cell": "{rows} × {columns}",

  "hanging.title": "Суреттерді орналастыру",
  "hanging.radiography": "Рентген: тура және бүйірлік",
  "hanging.mammography": "Маммография: CC, астында MLO",
  "hanging.ctHead": "Бас КТ",
  "hanging.ctChest": "Кеуде КТ",
  "hanging.ct": "КТ: алдымен аксиалды",
  "hanging.mr": "МРТ: T1, T2, FLAIR, DWI",
  "hanging.ultrasound": "УДЗ: бір серия",
  "hanging.angiography": "Ангиография: бір серия",
  "hanging.petCt": "КТ мен ПЭТ қатар",
  "hanging.none": "Сериялар ретімен",

  "pane.empty": "Серияны таңдаңыз немесе осында сүйреңіз",

  "card.report": "Құрылымдалған қорытынды",
  "card.document": "Құжат",
  "card.presentation": "Көрсету күйі",
  "card.keyObjects": "Негізгі кескіндер",
  "card.segmentation": "Сегментация",
  "card.radiotherapy": "Сәулелік терапия нысаны",
  "card.waveform": "Қисық (сигнал)",
  "card.video": "Бейнежазба",
  "card.registration": "Кескіндерді беттестіру",
  "card.other": "Кескінсіз нысан",
  "card.noPictures": "Бұл серияда кескін жоқ.",
  "card.kept": "Нысан мұрағатта сенімді сақталған, оны DICOM арқылы алуға болады.",
};
