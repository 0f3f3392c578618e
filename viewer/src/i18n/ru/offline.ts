/** Исследования на этом устройстве и работа без узла. */

import type { offline as english } from "@/i18n/en/offline";
import type { Translated } from "@/i18n/catalogue";

export const offline: Translated<typeof english> = {
  "offline.heading": "На этом устройстве",
  "offline.why": "Открытые исследования сохраняются на этом устройстве и открываются без связи. При выходе они удаляются.",
  "offline.impossible": "Браузер ничего не сохраняет: откройте страницу по HTTPS.",
  "offline.forbidden": "В этом учреждении исследования на устройствах не сохраняются.",
  "offline.whose": "Чьё это устройство?",
  "offline.choice.shared": "Общее или не знаю: без связи и без работы хранить {minutes} мин, затем удалить",
  "offline.choice.own": "Моё личное: без связи хранить до {hours} ч",
  "offline.choice.none": "Ничего не хранить на этом устройстве",
  "offline.used": "{used} из {most} МБ",
  "offline.size": "{megabytes} МБ",
  "offline.none": "На этом устройстве пока нет исследований.",
  "offline.fetched": "получено {when}",
  "offline.images": "снимков на устройстве: {kept} из {total}",
  "offline.full": "для остального нет места",
  "offline.remove": "Удалить с этого устройства",
  "offline.removeAll": "Удалить все",
  "offline.mark": "Без связи · {when}",
  "offline.mark.explain": "На этом устройстве с {when}; более поздние изменения не видны. Снимков на устройстве: {kept} из {total}.",
  "offline.list": "Нет связи. Исследования на этом устройстве:",
  "offline.study": "Нет связи. Показано полученное {when}; для остального нужен узел.",
  "offline.elsewhere": "Нет связи. Для этого нужен узел.",
  "offline.notHere": "Этого нет на устройстве. Загрузится, когда появится связь.",
  "offline.newer": "Есть новая версия программы.",
  "offline.reload": "Обновить",
};
