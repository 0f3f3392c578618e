import type { Translated } from "@/i18n/catalogue";
import type { correction as english } from "@/i18n/en/correction";

export const correction: Translated<typeof english> = {
  "correction.open": "Оңдоо…",
  "correction.heading": "Изилдөөнү оңдоо",
  "correction.explain": "Сакталганы келген калыбында калат; көрсөтүлгөн жана жөнөтүлгөндүн баары анын ордуна муну айтат. Оңдоону кайтарууга болот.",
  "correction.everyStudy": "Жогорудагы талаалар бейтапка тиешелүү: аларды анын бардык изилдөөлөрү көрсөтөт.",
  "correction.family": "Фамилиясы",
  "correction.given": "Аты",
  "correction.middle": "Атасынын аты",
  "correction.name": "Аты-жөнү",
  "correction.sex": "Жынысы",
  "correction.unknown": "көрсөтүлгөн эмес",
  "correction.description": "Изилдөөнүн сүрөттөмөсү",
  "correction.accession": "Изилдөө номери",
  "correction.side": "Жагы",
  "correction.sideOf": "Жагы, {series} сериясы",
  "correction.right": "оң",
  "correction.left": "сол",
  "correction.both": "экөө тең",
  "correction.owner": "Изилдөө башка бейтапка таандык, анын ID-си",
  "correction.do": "Оңдоо",
  "correction.undoable": "Оңдолгон, кайтарууга болот",
  "correction.moved": "башка бейтапка берилди",
  "correction.undo": "Кайтаруу",
};
