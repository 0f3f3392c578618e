/** An open study, its series and how they hang. */

export const study = {
  notForDiagnosis: "Not for diagnosis",

  "study.back": "Worklist",
  "study.series": "Series",
  "study.untitled": "Untitled",
  "study.series.untitled": "Series {number}",
  "study.empty": "This study has no series.",
  "study.images": { one: "{count} image", other: "{count} images" },
  "study.objects": { one: "{count} object", other: "{count} objects" },
  "study.alsoOthers": { one: "{count} more object without pictures", other: "{count} more objects without pictures" },

  "compare.nothing": "No other study of this patient is here.",
  "compare.failed": "The other studies could not be had. Try again.",
  "compare.doubtful": "Another patient? {name}",
  "compare.earlier": "{length} earlier",
  "compare.later": "{length} later",
  "compare.sameDay": "the same day",
  "compare.days": { one: "{count} day", other: "{count} days" },
  "compare.months": { one: "{count} month", other: "{count} months" },
  "compare.years": { one: "{count} year", other: "{count} years" },

  "layout.cell": "{rows} by {columns}",

  "hanging.title": "Hanging protocol",
  "hanging.radiography": "X-ray: frontal beside lateral",
  "hanging.mammography": "Mammography: CC above MLO",
  "hanging.ctHead": "CT head",
  "hanging.ctChest": "CT chest",
  "hanging.ct": "CT: axial first",
  "hanging.mr": "MR: T1, T2, FLAIR, DWI",
  "hanging.ultrasound": "Ultrasound: one series",
  "hanging.angiography": "Angiography: one series",
  "hanging.petCt": "CT beside PET",
  "hanging.none": "Series in order",

  "pane.empty": "Choose a series, or drag one here",

  "card.report": "Structured report",
  "card.document": "Document",
  "card.presentation": "Presentation state",
  "card.keyObjects": "Key images",
  "card.segmentation": "Segmentation",
  "card.radiotherapy": "Radiotherapy object",
  "card.waveform": "Waveform",
  "card.video": "Video",
  "card.registration": "Registration",
  "card.other": "Object without pictures",
  "card.noPictures": "This series holds no pictures.",
  "card.kept": "It is kept safely in the archive and can be retrieved over DICOM.",
} as const;
