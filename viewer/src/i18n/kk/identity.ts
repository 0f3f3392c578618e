/** Whose picture, which examination, from which side; how pictures go together. */

import type { Translated } from "@/i18n/catalogue";
import type { identity as english } from "@/i18n/en/identity";

export const identity: Translated<typeof english> = {
  "patient.age.days": { other: "{count} күн" },
  "patient.age.months": { other: "{count} ай" },
  "patient.age.years": { other: "{count} жас" },

  "projection.noSide": "Жағы көрсетілмеген",

  "turned.horizontally": "Айналы көрініс ↔",
  "turned.vertically": "Айналы көрініс ↕",
  "turned.rotated": "{degrees}° бұрылған",

  "viewport.position": "Орны {mm} мм",

  "mpr.slab.single": "Бір кесінді",

  "linked.place": "Орны бойынша бірге айналдырылады",
  "linked.distance": "Қашықтық бойынша бірге айналдырылады",
  "linked.off": "Бірге айналдыру",
  "linked.offset": "Қашықтық бойынша бірге айналдырылады, ығысу {mm} мм",

  "compare.others": { other: "{count} басқа зерттеу" },
  "compare.earlierCount": { other: "{count} бұрынғы зерттеу" },
};
