import type { Translated } from "@/i18n/catalogue";
import type { doubt as english } from "@/i18n/en/doubt";

export const doubt: Translated<typeof english> = {
  "doubt.mark": "Басқа пациент пе?",
  "doubt.others": "Бұл пациент ID-і басқа адамда да бар: {people}.",
  "doubt.objects": { other: "Осы зерттеудің {count} нысанында басқа пациент көрсетілген." },
  "doubt.explain": "Қорытынды жазбас бұрын бұл кімнің зерттеуі екеніне көз жеткізіңіз.",
};
