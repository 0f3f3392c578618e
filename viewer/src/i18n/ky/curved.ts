import type { Translated } from "@/i18n/catalogue";
import type { curved as english } from "@/i18n/en/curved";

export const curved: Translated<typeof english> = {
  "volume.curved": "Ийри сызык боюнча (CPR)",
  "curved.label": "Ийри сызык боюнча, {length} мм ичинен {along} мм",
  "curved.bar": "Ийри сызык",
  "curved.edit": "Чекит коюу",
  "curved.edit.explain":
    "Тегиздикти басуу чекит коёт, ийри сызыкты басуу — башкалардын арасына; чекиттер сүйрөлөт.",
  "curved.edit.keys":
    "Баскычтар: Enter тегиздиктин ортосуна чекит коёт, жебелер тандалганын жылдырат, Delete аны өчүрөт, Escape тегиздикке кайтарат.",
  "curved.hint": "Тамыр, жаак же омуртка боюнча чекиттерди коюңуз: тегиздикти басыңыз. Эки чекит ийри сызык болот.",
  "curved.flat": "Бул тараптан ийри сызыктын туурасы жок: аны буруңуз.",
  "curved.remove": "Чекитти өчүрүү",
  "curved.reverse": "Тескери буруу",
  "curved.clear": "Ийри сызыкты өчүрүү",
  "curved.new": "Жаңы ийри сызык",
  "curved.list": "Ийри сызыктар",
  "curved.unnamed": "{index}-ийри сызык",
  "curved.name": "Ийри сызыктын аталышы",
  "curved.name.short": "Аталышы",
  "curved.form": "Сүрөттүн түрү",
  "curved.straightened": "Түздөлгөн",
  "curved.stretched": "Жайылган",
  "curved.turn": "Ийри сызыкты айланта буруу, градус менен",
  "curved.turn.short": "Буруу",
  "curved.width": "Сүрөттүн туурасы, мм",
  "curved.width.short": "Туурасы",
  "curved.slab.short": "Катмар",
  "curved.gap": "Туурасынан кесилиштердин арасы, мм",
  "curved.along": "Ийри сызыктагы орун",
  "curved.length": "Узундугу {mm} мм",
  "curved.at": "{mm} мм-де",
  "curved.point": "{total} чекиттин {index}-чекити",
  "curved.section": "{mm} мм-деги туурасынан кесилиш",
  "curved.caution.straightened": "Аралыктар ийри сызык боюнча гана туура",
  "curved.caution.stretched": "Аралыктар ийри сызыктын бетинде гана туура",
};
