import type { Translated } from "@/i18n/catalogue";
import type { everyone as english } from "@/i18n/en/everyone";

export const everyone: Translated<typeof english> = {
  "tool.steps": "Шаги",
  "tool.steps.explain": "Пошаговый указатель: инструменты без перетаскивания",
  "steps.label": "Пошаговый указатель: стрелки двигают его, Enter нажимает и отпускает",
  "steps.label.touch": "Пошаговый указатель: кнопки двигают его, нажимают и отпускают",
  "steps.left": "Влево",
  "steps.right": "Вправо",
  "steps.up": "Вверх",
  "steps.down": "Вниз",
  "steps.fine": "Точно",
  "steps.press": "Нажато",
  "help.key.save": "Ctrl S",
  "help.key.leave": "Esc",
  "help.leave": "Закрыть открытое; бросить незаконченное измерение",
  "help.finger.one": "Один палец",
  "help.finger.two": "Два пальца",
  "help.finger.flick": "Быстрый взмах",
  "help.finger.rest": "Долгое нажатие",
  "help.two": "Сдвинуть и увеличить снимок",
  "help.characters": "Клавиши из одной буквы, цифры или знака включены",
};
