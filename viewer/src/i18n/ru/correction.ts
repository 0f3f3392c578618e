import type { Translated } from "@/i18n/catalogue";
import type { correction as english } from "@/i18n/en/correction";

export const correction: Translated<typeof english> = {
  "correction.open": "Исправить…",
  "correction.heading": "Исправление исследования",
  "correction.explain": "Сохранённое остаётся таким, как поступило; всё показанное и отправленное говорит это взамен. Исправление можно отменить.",
  "correction.everyStudy": "Поля выше относятся к пациенту: их показывают все его исследования.",
  "correction.family": "Фамилия",
  "correction.given": "Имя",
  "correction.middle": "Отчество",
  "correction.name": "Имя",
  "correction.sex": "Пол",
  "correction.unknown": "не указан",
  "correction.description": "Описание исследования",
  "correction.accession": "Номер исследования",
  "correction.side": "Сторона",
  "correction.sideOf": "Сторона, серия {series}",
  "correction.right": "правая",
  "correction.left": "левая",
  "correction.both": "обе",
  "correction.owner": "Исследование принадлежит другому пациенту, с ID",
  "correction.do": "Исправить",
  "correction.undoable": "Исправлено, можно отменить",
  "correction.moved": "передано другому пациенту",
  "correction.undo": "Отменить",
};
