import type { Translated } from "@/i18n/catalogue";
import type { depth as english } from "@/i18n/en/depth";

export const depth: Translated<typeof english> = {
  "measure.slab": "В слое значения не измеряются",
  "measure.detector": "На детекторе",
  "measure.partial": "Частично вне снимка",
  "fusion.choose": "Наложить",
  "fusion.none": "Без наложения",
  "fusion.opacity": "Непрозрачность наложения",
  "fusion.colours": "Цвета наложения",
  "fusion.window": "Окно наложения",
  "fusion.looks": "Вид наложения",
  "fusion.loading": "Наложение загружается",
  "fusion.refused.patient": "Не наложено: в снимках указан другой пациент",
  "fusion.refused.reference": "Не наложено: у серий нет общей системы координат",
  "fusion.refused.volume": "Не наложено: из её снимков объём не построить",
  "fusion.refused.pixels": "Не наложено: её пиксели здесь не прочесть",
  "fusion.refused.memory": "Не наложено: на этом устройстве нет места",
  "tool.curve": "Кривая",
  "tool.curve.explain": "Кривая области по времени",
  "curve.title": "Среднее по времени",
  "curve.of": "Среднее области, от {low} до {high}",
  "curve.loading": "Снимок {done} из {total}",
  "curve.region": "Обведите эллипсом, прямоугольником или линией то, за чем следить, на плоскости без слоя.",
  "curve.series": "Эта серия показывает каждое место только один раз.",
  "curve.failed": "Не все снимки удалось прочитать.",
  "cine.reached": "достигнуто: {count}",
};
