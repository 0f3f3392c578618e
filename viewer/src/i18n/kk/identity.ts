/** Whose picture, which examination, from which side; how pictures go together. */

import type { Translated } from "@/i18n/catalogue";
import type { identity as english } from "@/i18n/en/identity";

export const identity: Translated<typeof english> = {
  "patient.age.days": { other: "{count} күн" },
  "patient.age.months": { other: "{count} ай" },
  "patient.age.years": { other: "{count} жас" },

  "projection.noSide": "Жағы көрсетілмеген",

  "turned.horizontally": "Аударылған ↔",
  "turned.vertically": "Аударылған ↕",
  "turned.rotated": "{degrees}° бұрылған",

  "viewport.position": "Орны {mm} мм",

  "mpr.slab.single": "Бір қима",

  "linked.place": "Орны бойынша бірге парақталады",
  "linked.distance": "Қашықтық бойынша бірге парақталады",
  "linked.off": "Бірге парақтау",
  "linked.offset": "Қашықтық бойынша бірге парақталады, ығысу {mm} мм",

  "compare.others": { other: "{count} басқа зерттеу" },
  "compare.earlierCount": { other: "{count} бұрынғы зерттеу" },
};
