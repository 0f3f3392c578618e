/** Whose picture, which examination, from which side; how pictures go together. */

import type { Translated } from "@/i18n/catalogue";
import type { identity as english } from "@/i18n/en/identity";

export const identity: Translated<typeof english> = {
  "patient.age.days": { one: "{count} день", few: "{count} дня", many: "{count} дней", other: "{count} дня" },
  "patient.age.months": { one: "{count} месяц", few: "{count} месяца", many: "{count} месяцев", other: "{count} месяца" },
  "patient.age.years": { one: "{count} год", few: "{count} года", many: "{count} лет", other: "{count} года" },

  "projection.noSide": "Сторона не указана",

  "turned.horizontally": "Отражено ↔",
  "turned.vertically": "Отражено ↕",
  "turned.rotated": "Повёрнуто на {degrees}°",

  "viewport.position": "Положение {mm} мм",

  "mpr.slab.single": "Один срез",

  "linked.place": "Прокрутка вместе по положению",
  "linked.distance": "Прокрутка вместе по расстоянию",
  "linked.off": "Прокручивать вместе",
  "linked.offset": "Прокрутка вместе по расстоянию, сдвиг {mm} мм",

  "compare.others": { one: "{count} другое исследование", few: "{count} других исследования", many: "{count} других исследований", other: "{count} других исследования" },
  "compare.earlierCount": { one: "{count} прежнее исследование", few: "{count} прежних исследования", many: "{count} прежних исследований", other: "{count} прежних исследования" },
};
