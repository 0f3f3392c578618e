/** Saving what was measured and marked. */

import type { Translated } from "@/i18n/catalogue";
import type { saving as english } from "@/i18n/en/saving";

export const saving: Translated<typeof english> = {
  "tool.save": "Сохранить",
  "tool.save.explain": "Сохранить измерения и ключевые изображения в архив",
  "save.measurements": { one: "{count} измерение", few: "{count} измерения", many: "{count} измерений", other: "{count} измерения" },
  "save.keyImages": { one: "{count} ключевое изображение", few: "{count} ключевых изображения", many: "{count} ключевых изображений", other: "{count} ключевого изображения" },
  "save.unsaved": "не сохранено",
  "save.now": "Сохранить в архив",
  "save.forbidden": "Вы можете смотреть и измерять, но вашей учётной записи нельзя сохранять в архив. Обратитесь к администратору.",
  "save.display": "Сохранить вид этого изображения",
  "save.displays": "Сохранённые виды",
  "save.display.partly": "показано без его таблиц",
  "save.saving": "Сохранение…",
  "save.saved": "Сохранено.",
  "save.failed": "Сохранить не удалось; здесь ничего не потеряно.",
  "save.leave": "Ещё не сохранено",
  "save.leave.explain": "Измерения или ключевые изображения этого исследования ещё не в архиве.",
  "save.leave.save": "Сохранить и выйти",
  "save.leave.anyway": "Выйти без сохранения",
  "save.leave.stay": "Остаться",
};
