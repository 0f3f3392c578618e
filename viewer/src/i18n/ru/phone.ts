import type { Translated } from "@/i18n/catalogue";
import type { phone as english } from "@/i18n/en/phone";

export const phone: Translated<typeof english> = {
  "phone.panes": "Окна просмотра",
  "offline.asOf": "Нет связи: данные на {when}.",
  "offline.only": "Доступны исследования, недавно открытые на этом устройстве.",
  "offline.missing": "На этом устройстве этого нет.",
  "offline.missing.hint": "Без связи видны только исследования, недавно открытые на нём.",
};
