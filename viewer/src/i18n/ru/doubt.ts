import type { Translated } from "@/i18n/catalogue";
import type { doubt as english } from "@/i18n/en/doubt";

export const doubt: Translated<typeof english> = {
  "doubt.mark": "Другой пациент?",
  "doubt.others": "Под этим ID пациента есть и другой человек: {people}.",
  "doubt.objects": {
    one: "В {count} объекте этого исследования указан другой пациент.",
    few: "В {count} объектах этого исследования указан другой пациент.",
    many: "В {count} объектах этого исследования указан другой пациент.",
    other: "В {count} объектах этого исследования указан другой пациент.",
  },
  "doubt.explain": "Прежде чем описывать, убедитесь, чьё это исследование.",
};
