/** Saving what was measured and marked. */

import type { Translated } from "@/i18n/catalogue";
import type { saving as english } from "@/i18n/en/saving";

export const saving: Translated<typeof english> = {
  "tool.save": "Сактоо…",
  "tool.save.explain": "Өлчөөлөрдү жана негизги сүрөттөрдү архивге сактоо",
  "save.measurements": { one: "{count} өлчөө", other: "{count} өлчөө" },
  "save.keyImages": { one: "{count} негизги сүрөт", other: "{count} негизги сүрөт" },
  "save.unsaved": "сакталган эмес",
  "save.now": "Архивге сактоо",
  "save.forbidden": "Сиз карап, өлчөй аласыз, бирок каттоо эсебиңизге архивге сактоого уруксат жок. Администраторго кайрылыңыз.",
  "save.display": "Бул сүрөттүн көрүнүшүн сактоо",
  "save.displays": "Сакталган көрүнүштөр",
  "save.saving": "Сакталууда…",
  "save.saved": "Сакталды.",
  "save.failed": "Сактоо мүмкүн болгон жок; бул жерде эч нерсе жоголгон жок.",
  "save.nowhere": {
    one: "Тегиздиктердеги {count} өлчөөнү сактоого болбойт: сүрөттөрдө алардын мейкиндиги көрсөтүлгөн эмес (Frame of Reference UID жок). Сактоо үчүн сүрөттөрдүн өзүндө өлчөңүз.",
    other: "Тегиздиктердеги {count} өлчөөнү сактоого болбойт: сүрөттөрдө алардын мейкиндиги көрсөтүлгөн эмес (Frame of Reference UID жок). Сактоо үчүн сүрөттөрдүн өзүндө өлчөңүз.",
  },
  "save.elsewhere": {
    one: "{count} өлчөө башка изилдөөдө жасалган, бул жерден сакталбайт. Өлчөп, сактоо үчүн ошол изилдөөнү ачыңыз.",
    other: "{count} өлчөө башка изилдөөдө жасалган, бул жерден сакталбайт. Өлчөп, сактоо үчүн ошол изилдөөнү ачыңыз.",
  },
  "save.leave": "Али сакталган эмес",
  "save.leave.explain": "Бул изилдөөнүн өлчөөлөрү же негизги сүрөттөрү архивде али жок.",
  "save.leave.save": "Сактап чыгуу",
  "save.leave.anyway": "Сактабай чыгуу",
  "save.leave.stay": "Калуу",
};
