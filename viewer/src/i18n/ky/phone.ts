import type { Translated } from "@/i18n/catalogue";
import type { phone as english } from "@/i18n/en/phone";

export const phone: Translated<typeof english> = {
  "phone.panes": "Көрүү терезелери",
  "offline.asOf": "Байланыш жок: {when} абалы боюнча.",
  "offline.only": "Бул түзмөктө жакында ачылган изилдөөлөр жеткиликтүү.",
  "offline.missing": "Бул түзмөктө сакталган эмес.",
  "offline.missing.hint": "Байланышсыз анда жакында ачылган изилдөөлөр гана көрүнөт.",
};
