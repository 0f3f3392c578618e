import type { Translated } from "@/i18n/catalogue";
import type { trueSize as english } from "@/i18n/en/trueSize";

export const trueSize: Translated<typeof english> = {
  "tool.trueSize": "Шын өлшем",
  "tool.trueSize.explain": "Шын өлшем: кескіннің миллиметрі экрандағы миллиметрге тең",
  "size.heading": "Осы дисплейдің өлшемі",
  "size.explain": "Содан кейін кескіндерді шын өлшемінде көрсетуге болады. Жолаққа банк картасын немесе сызғышты қойып, ұзындықтары теңескенше жүгірткіні жылжытыңыз. Мән осы браузерде, осындай ажыратымдылықтағы дисплей үшін сақталады: терезе басқа дисплейге ауысса, қайта өлшеңіз.",
  "size.reference": "Жолаққа не қойылды",
  "size.reference.cardLong": "Банк картасы, ұзын қыры",
  "size.reference.cardShort": "Банк картасы, қысқа қыры",
  "size.reference.ruler": "Сызғыш, 10 см",
  "size.slider": "Жолақтың ұзындығы",
  "size.perMm": "мм-ге {count} пиксель",
  "size.keep": "Ұзындықтары тең",
  "size.forget": "Ұмыту",
  "size.unknown": "Бұл дисплей өлшенбеген.",
  "size.known": "Өлшенді: мм-ге {count} пиксель.",
  "size.true": "Шын өлшем",
  "size.true.detector": "Детектордағы шын өлшем",
  "size.true.magnified": "Болжалды ұлғайту бойынша шын өлшем",
  "size.true.calibrated": "Калибрлеу бойынша шын өлшем",
  "size.ask": "Бұл дисплейдің өлшемі әлі белгісіз. Оны банк картасымен немесе сызғышпен бір рет өлшеңіз, содан кейін шын өлшемді қайта шақырыңыз.",
  "size.measure": "Дисплейді өлшеу (жаңа қойынды)",
};
