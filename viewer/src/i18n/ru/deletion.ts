import type { Translated } from "@/i18n/catalogue";
import type { deletion as english } from "@/i18n/en/deletion";

export const deletion: Translated<typeof english> = {
  "deletion.open": "Удалить…",
  "deletion.heading": "Удаление исследований",
  "deletion.explain": "Они сразу исчезнут у всех. Ниже их можно восстановить, пока узел не стёр их окончательно.",
  "deletion.reason": "Причина, для журнала",
  "deletion.do": { one: "Удалить {count} исследование", few: "Удалить {count} исследования", many: "Удалить {count} исследований", other: "Удалить {count} исследования" },
  "deletion.undoable": "Удалённое и отклонённое, можно восстановить",
  "deletion.nothing": "Восстанавливать нечего.",
  "deletion.until": "до {when}",
  "deletion.restore": "Восстановить",
};
