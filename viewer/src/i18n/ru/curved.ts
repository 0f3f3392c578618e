import type { Translated } from "@/i18n/catalogue";
import type { curved as english } from "@/i18n/en/curved";

export const curved: Translated<typeof english> = {
  "volume.curved": "Вдоль кривой (CPR)",
  "curved.label": "Вдоль кривой, {along} из {length} мм",
  "curved.bar": "Кривая",
  "curved.edit": "Ставить точки",
  "curved.edit.explain":
    "Касание плоскости ставит точку, касание кривой — точку между другими; точки перетаскиваются.",
  "curved.edit.keys":
    "Клавиши: Enter ставит точку в середине плоскости, стрелки двигают выбранную, Delete удаляет её, Escape возвращает к плоскости.",
  "curved.hint": "Поставьте точки вдоль сосуда, челюсти или позвоночника: коснитесь плоскости. Две точки образуют кривую.",
  "curved.flat": "С этой стороны кривая не имеет ширины: поверните её.",
  "curved.remove": "Удалить точку",
  "curved.reverse": "Развернуть",
  "curved.clear": "Удалить кривую",
  "curved.new": "Новая кривая",
  "curved.list": "Кривые",
  "curved.unnamed": "Кривая {index}",
  "curved.name": "Название кривой",
  "curved.name.short": "Название",
  "curved.form": "Вид изображения",
  "curved.straightened": "Выпрямлено",
  "curved.stretched": "Развёрнуто",
  "curved.turn": "Поворот вокруг кривой, в градусах",
  "curved.turn.short": "Поворот",
  "curved.width": "Ширина изображения в мм",
  "curved.width.short": "Ширина",
  "curved.slab.short": "Слой",
  "curved.gap": "Между поперечными сечениями, в мм",
  "curved.along": "Место вдоль кривой",
  "curved.length": "Длина {mm} мм",
  "curved.at": "На {mm} мм",
  "curved.point": "Точка {index} из {total}",
  "curved.section": "Поперечное сечение на {mm} мм",
  "curved.caution.straightened": "Расстояния верны только вдоль кривой",
  "curved.caution.stretched": "Расстояния верны только на поверхности кривой",
};
