import type { Translated } from "@/i18n/catalogue";
import type { everyone as english } from "@/i18n/en/everyone";

export const everyone: Translated<typeof english> = {
  "tool.steps": "Қадам",
  "tool.steps.explain": "Қадаммен жылжитын меңзер: құралдар сүйреусіз",
  "steps.label": "Қадаммен жылжитын меңзер: көрсеткілер жылжытады, Enter басады және жібереді",
  "steps.label.touch": "Қадаммен жылжитын меңзер: түймелер жылжытады, басады және жібереді",
  "steps.left": "Солға",
  "steps.right": "Оңға",
  "steps.up": "Жоғары",
  "steps.down": "Төмен",
  "steps.fine": "Дәл",
  "steps.press": "Басулы",
  "help.key.save": "Ctrl S",
  "help.key.leave": "Esc",
  "help.leave": "Ашық тұрғанды жабу; сызылып жатқан өлшемнен бас тарту",
  "help.finger.one": "Бір саусақ",
  "help.finger.two": "Екі саусақ",
  "help.finger.flick": "Жылдам сырғыту",
  "help.finger.rest": "Ұзақ басу",
  "help.two": "Кескінді жылжыту және ұлғайту",
  "help.characters": "Бір әріп, цифр немесе белгі пернелері қосулы",
};
