import type { Translated } from "@/i18n/catalogue";
import type { correction as english } from "@/i18n/en/correction";

export const correction: Translated<typeof english> = {
  "correction.open": "Түзету…",
  "correction.heading": "Зерттеуді түзету",
  "correction.explain": "Сақталғаны келген күйінде қалады; көрсетілетін және жіберілетін бәрі оның орнына осыны айтады. Түзетуді қайтаруға болады.",
  "correction.everyStudy": "Жоғарыдағы өрістер пациентке қатысты: оларды оның барлық зерттеулері көрсетеді.",
  "correction.family": "Тегі",
  "correction.given": "Аты",
  "correction.middle": "Әкесінің аты",
  "correction.name": "Аты-жөні",
  "correction.sex": "Жынысы",
  "correction.unknown": "көрсетілмеген",
  "correction.description": "Зерттеу сипаттамасы",
  "correction.accession": "Зерттеу нөмірі",
  "correction.side": "Жағы",
  "correction.sideOf": "Жағы, {series} сериясы",
  "correction.right": "оң",
  "correction.left": "сол",
  "correction.both": "екеуі",
  "correction.owner": "Зерттеу басқа пациенттікі, оның ID-і",
  "correction.do": "Түзету",
  "correction.undoable": "Түзетілген, қайтаруға болады",
  "correction.moved": "басқа пациентке берілді",
  "correction.undo": "Қайтару",
};
