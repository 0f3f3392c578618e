import type { Translated } from "@/i18n/catalogue";
import type { everyone as english } from "@/i18n/en/everyone";

export const everyone: Translated<typeof english> = {
  "tool.steps": "Кадам",
  "tool.steps.explain": "Кадам менен жылуучу көрсөткүч: куралдар сүйрөөсүз",
  "steps.label": "Кадам менен жылуучу көрсөткүч: жебелер жылдырат, Enter басат жана коё берет",
  "steps.label.touch": "Кадам менен жылуучу көрсөткүч: баскычтар жылдырат, басат жана коё берет",
  "steps.left": "Солго",
  "steps.right": "Оңго",
  "steps.up": "Өйдө",
  "steps.down": "Ылдый",
  "steps.fine": "Так",
  "steps.press": "Басылган",
  "help.key.save": "Ctrl S",
  "help.key.leave": "Esc",
  "help.leave": "Ачык турганды жабуу; чийилип жаткан өлчөөдөн баш тартуу",
  "help.finger.one": "Бир манжа",
  "help.finger.two": "Эки манжа",
  "help.finger.flick": "Тез сыдыруу",
  "help.finger.rest": "Узак басуу",
  "help.two": "Сүрөттү жылдыруу жана чоңойтуу",
  "help.characters": "Бир тамга, сан же белги баскычтары күйгүзүлгөн",
};
