/** Whose picture, which examination, from which side; how pictures go together. */

import type { Translated } from "@/i18n/catalogue";
import type { identity as english } from "@/i18n/en/identity";

export const identity: Translated<typeof english> = {
  "patient.age.days": { other: "{count} күн" },
  "patient.age.months": { other: "{count} ай" },
  "patient.age.years": { other: "{count} жаш" },

  "projection.noSide": "Жагы көрсөтүлгөн эмес",

  "turned.horizontally": "Оодарылган ↔",
  "turned.vertically": "Оодарылган ↕",
  "turned.rotated": "{degrees}° бурулган",

  "viewport.position": "Орду {mm} мм",

  "mpr.slab.single": "Бир кесинди",

  "linked.place": "Орду боюнча чогуу баракталат",
  "linked.distance": "Аралык боюнча чогуу баракталат",
  "linked.off": "Чогуу барактоо",
  "linked.offset": "Аралык боюнча чогуу баракталат, жылышуу {mm} мм",

  "compare.others": { other: "{count} башка изилдөө" },
  "compare.earlierCount": { other: "{count} мурунку изилдөө" },
};
