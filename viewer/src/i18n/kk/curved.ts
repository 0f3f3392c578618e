import type { Translated } from "@/i18n/catalogue";
import type { curved as english } from "@/i18n/en/curved";

export const curved: Translated<typeof english> = {
  "volume.curved": "Қисық бойымен (CPR)",
  "curved.label": "Қисық бойымен, {length} мм-ден {along} мм",
  "curved.bar": "Қисық",
  "curved.edit": "Нүкте қою",
  "curved.edit.explain":
    "Жазықтықты түрту нүкте қояды, қисықты түрту — басқалардың арасына; нүктелер сүйреледі.",
  "curved.edit.keys":
    "Пернелер: Enter жазықтықтың ортасына нүкте қояды, көрсеткілер таңдалғанын жылжытады, Delete оны жояды, Escape жазықтыққа қайтарады.",
  "curved.hint": "Тамыр, жақ немесе омыртқа бойымен нүктелер қойыңыз: жазықтықты түртіңіз. Екі нүкте қисық болады.",
  "curved.flat": "Бұл жақтан қисықтың ені жоқ: оны бұрыңыз.",
  "curved.remove": "Нүктені жою",
  "curved.reverse": "Кері бұру",
  "curved.clear": "Қисықты жою",
  "curved.new": "Жаңа қисық",
  "curved.list": "Қисықтар",
  "curved.unnamed": "{index}-қисық",
  "curved.name": "Қисықтың атауы",
  "curved.name.short": "Атауы",
  "curved.form": "Суреттің түрі",
  "curved.straightened": "Түзуленген",
  "curved.stretched": "Жазылған",
  "curved.turn": "Қисықты айнала бұру, градуспен",
  "curved.turn.short": "Бұру",
  "curved.width": "Суреттің ені, мм",
  "curved.width.short": "Ені",
  "curved.slab.short": "Қабат",
  "curved.gap": "Көлденең қималар арасы, мм",
  "curved.along": "Қисық бойындағы орын",
  "curved.length": "Ұзындығы {mm} мм",
  "curved.at": "{mm} мм-де",
  "curved.point": "{total} нүктенің {index}-нүктесі",
  "curved.section": "{mm} мм-дегі көлденең қима",
  "curved.caution.straightened": "Қашықтықтар тек қисық бойымен дұрыс",
  "curved.caution.stretched": "Қашықтықтар тек қисықтың бетінде дұрыс",
};
