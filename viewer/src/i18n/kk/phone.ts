import type { Translated } from "@/i18n/catalogue";
import type { phone as english } from "@/i18n/en/phone";

export const phone: Translated<typeof english> = {
  "phone.panes": "Қарау терезелері",
  "offline.asOf": "Байланыс жоқ: {when} жағдайы бойынша.",
  "offline.only": "Осы құрылғыда жақында ашылған зерттеулер қолжетімді.",
  "offline.missing": "Бұл осы құрылғыда сақталмаған.",
  "offline.missing.hint": "Байланыссыз онда жақында ашылған зерттеулер ғана көрінеді.",
};
