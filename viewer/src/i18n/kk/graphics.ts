import type { Translated } from "@/i18n/catalogue";
import type { graphics as english } from "@/i18n/en/graphics";

export const graphics: Translated<typeof english> = {
  "tool.graphics": "Графика",
  "tool.graphics.explain": "Кескіннің графикасы (оверлейлер)",
  "planes.title": "Оверлейлер",
  "planes.region": "Аймақ",
  "planes.graphics": "Графика",
};
