/** Saving what was measured and marked. */

import type { Translated } from "@/i18n/catalogue";
import type { saving as english } from "@/i18n/en/saving";

export const saving: Translated<typeof english> = {
  "tool.save": "Сақтау…",
  "tool.save.explain": "Өлшемдер мен негізгі кескіндерді мұрағатқа сақтау",
  "save.measurements": { one: "{count} өлшем", other: "{count} өлшем" },
  "save.keyImages": { one: "{count} негізгі кескін", other: "{count} негізгі кескін" },
  "save.unsaved": "сақталмаған",
  "save.now": "Мұрағатқа сақтау",
  "save.forbidden": "Сіз қарап, өлшей аласыз, бірақ тіркелгіңізге мұрағатқа сақтауға рұқсат жоқ. Әкімшіге жүгініңіз.",
  "save.display": "Осы кескіннің көрінісін сақтау",
  "save.displays": "Сақталған көріністер",
  "save.saving": "Сақталуда…",
  "save.saved": "Сақталды.",
  "save.failed": "Сақтау мүмкін болмады; мұнда ештеңе жоғалған жоқ.",
  "save.nowhere": {
    one: "Жазықтықтардағы {count} өлшемді сақтау мүмкін емес: кескіндерде олардың кеңістігі көрсетілмеген (Frame of Reference UID жоқ). Сақтау үшін кескіндердің өзінде өлшеңіз.",
    other: "Жазықтықтардағы {count} өлшемді сақтау мүмкін емес: кескіндерде олардың кеңістігі көрсетілмеген (Frame of Reference UID жоқ). Сақтау үшін кескіндердің өзінде өлшеңіз.",
  },
  "save.elsewhere": {
    one: "{count} өлшем басқа зерттеуде жасалған, осы жерден сақталмайды. Өлшеп, сақтау үшін сол зерттеуді ашыңыз.",
    other: "{count} өлшем басқа зерттеуде жасалған, осы жерден сақталмайды. Өлшеп, сақтау үшін сол зерттеуді ашыңыз.",
  },
  "save.leave": "Әлі сақталмаған",
  "save.leave.explain": "Осы зерттеудің өлшемдері немесе негізгі кескіндері мұрағатта әлі жоқ.",
  "save.leave.save": "Сақтап шығу",
  "save.leave.anyway": "Сақтамай шығу",
  "save.leave.stay": "Қалу",
};
