import type { Translated } from "@/i18n/catalogue";
import type { depth as english } from "@/i18n/en/depth";

export const depth: Translated<typeof english> = {
  "measure.slab": "В слое значения не измеряются",
  "fusion.choose": "Наложить",
  "fusion.none": "Без наложения",
  "fusion.opacity": "Непрозрачность наложения",
  "fusion.colours": "Цвета наложения",
  "fusion.window": "Окно наложения",
  "fusion.loading": "Наложение загружается",
  "fusion.refused.patient": "Не наложено: в снимках указан другой пациент",
  "fusion.refused.reference": "Не наложено: у серий нет общей системы координат",
  "fusion.refused.volume": "Не наложено: из её снимков объём не построить",
  "fusion.refused.pixels": "Не наложено: её пиксели здесь не прочесть",
  "fusion.refused.memory": "Не наложено: на этом устройстве нет места",
};
