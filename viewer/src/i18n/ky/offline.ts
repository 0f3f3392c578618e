/** Ушул түзмөктөгү изилдөөлөр жана түйүнсүз иш. */

import type { offline as english } from "@/i18n/en/offline";
import type { Translated } from "@/i18n/catalogue";

export const offline: Translated<typeof english> = {
  "offline.heading": "Ушул түзмөктө",
  "offline.why": "Ачылган изилдөөлөр ушул түзмөктө сакталып, байланышсыз да ачылат. Тутумдан чыкканда алар өчүрүлөт.",
  "offline.impossible": "Браузер эч нерсе сактабайт: баракты HTTPS аркылуу ачыңыз.",
  "offline.forbidden": "Бул мекемеде изилдөөлөр түзмөктөрдө сакталбайт.",
  "offline.whose": "Бул кимдин түзмөгү?",
  "offline.choice.shared": "Жалпы же билбейм: байланышсыз жана колдонулбаса {minutes} мүн сакталып, анан өчүрүлөт",
  "offline.choice.own": "Менин жеке түзмөгүм: байланышсыз {hours} саатка чейин сакталат",
  "offline.choice.none": "Ушул түзмөктө эч нерсе сактабоо",
  "offline.used": "{used} / {most} МБ",
  "offline.size": "{megabytes} МБ",
  "offline.none": "Ушул түзмөктө азырынча изилдөө жок.",
  "offline.fetched": "алынган убактысы: {when}",
  "offline.images": "түзмөктөгү сүрөттөр: {kept} / {total}",
  "offline.full": "калганына орун жок",
  "offline.remove": "Ушул түзмөктөн өчүрүү",
  "offline.removeAll": "Баарын өчүрүү",
  "offline.mark": "Байланышсыз · {when}",
  "offline.mark.explain": "Ушул түзмөккө алынган убактысы: {when}; кийинки өзгөрүүлөр көрсөтүлбөйт. Түзмөктөгү сүрөттөр: {kept} / {total}.",
  "offline.list": "Байланыш жок. Ушул түзмөктөгү изилдөөлөр:",
  "offline.study": "Байланыш жок. Көрсөтүлгөнү {when} алынган; калганына түйүн керек.",
  "offline.elsewhere": "Байланыш жок. Бул үчүн түйүн керек.",
  "offline.notHere": "Бул түзмөктө жок. Байланыш калыбына келгенде жүктөлөт.",
  "offline.newer": "Программанын жаңы версиясы бар.",
  "offline.reload": "Жаңыртуу",
};
