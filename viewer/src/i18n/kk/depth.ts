import type { Translated } from "@/i18n/catalogue";
import type { depth as english } from "@/i18n/en/depth";

export const depth: Translated<typeof english> = {
  "measure.slab": "Қабатта мәндер өлшенбейді",
  "measure.detector": "Детекторда",
  "measure.partial": "Кескіннен ішінара тыс",
  "fusion.choose": "Үстіне салу",
  "fusion.none": "Үстінде ештеңе жоқ",
  "fusion.opacity": "Үстіне салынғанның мөлдірсіздігі",
  "fusion.colours": "Үстіне салынғанның түстері",
  "fusion.window": "Үстіне салынғанның терезесі",
  "fusion.looks": "Үстіне салынғанның көрінісі",
  "fusion.loading": "Үстіне салынатын жүктелуде",
  "fusion.refused.patient": "Үстіне салынбады: кескіндерде басқа пациент көрсетілген",
  "fusion.refused.reference": "Үстіне салынбады: серияларда ортақ координаттар жүйесі жоқ",
  "fusion.refused.volume": "Үстіне салынбады: оның кескіндерінен көлем құралмайды",
  "fusion.refused.pixels": "Үстіне салынбады: оның пиксельдері мұнда оқылмайды",
  "fusion.refused.memory": "Үстіне салынбады: бұл құрылғыда орын жоқ",
  "tool.curve": "Қисық сызық",
  "tool.curve.explain": "Аймақтың уақыт бойынша қисық сызығы",
  "curve.title": "Уақыт бойынша орташа",
  "curve.of": "Аймақтың орташасы, {low} – {high}",
  "curve.loading": "Кескін: {done} / {total}",
  "curve.region": "Бақылайтын жерді эллипспен, төртбұрышпен немесе еркін сызықпен қоршаңыз, қабатсыз жазықтықта.",
  "curve.series": "Бұл серия әр жерді тек бір рет көрсетеді.",
  "curve.failed": "Кескіндердің бәрі оқылмады.",
  "cine.reached": "жеткені: {count}",
};
