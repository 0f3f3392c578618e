import type { Translated } from "@/i18n/catalogue";
import type { phone as english } from "@/i18n/en/phone";

export const phone: Translated<typeof english> = {
  "phone.panes": "Окна просмотра",
};
