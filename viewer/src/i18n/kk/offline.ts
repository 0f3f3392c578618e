/** Осы құрылғыдағы зерттеулер және тораптан тыс жұмыс. */

import type { offline as english } from "@/i18n/en/offline";
import type { Translated } from "@/i18n/catalogue";

export const offline: Translated<typeof english> = {
  "offline.heading": "Осы құрылғыда",
  "offline.why": "Ашылған зерттеулер осы құрылғыда сақталып, байланыссыз да ашылады. Жүйеден шыққанда олар жойылады.",
  "offline.impossible": "Браузер ештеңе сақтамайды: бетті HTTPS арқылы ашыңыз.",
  "offline.forbidden": "Бұл мекемеде зерттеулер құрылғыларда сақталмайды.",
  "offline.whose": "Бұл кімнің құрылғысы?",
  "offline.choice.shared": "Ортақ немесе білмеймін: байланыссыз әрі қолданылмаса {minutes} мин сақталып, кейін жойылады",
  "offline.choice.own": "Менің жеке құрылғым: байланыссыз {hours} сағатқа дейін сақталады",
  "offline.choice.none": "Осы құрылғыда ештеңе сақтамау",
  "offline.used": "{used} / {most} МБ",
  "offline.size": "{megabytes} МБ",
  "offline.none": "Осы құрылғыда әзірге зерттеу жоқ.",
  "offline.fetched": "алынған уақыты: {when}",
  "offline.images": "құрылғыдағы кескіндер: {kept} / {total}",
  "offline.full": "қалғанына орын жоқ",
  "offline.remove": "Осы құрылғыдан жою",
  "offline.removeAll": "Барлығын жою",
  "offline.mark": "Байланыссыз · {when}",
  "offline.mark.explain": "Осы құрылғыға алынған уақыты: {when}; кейінгі өзгерістер көрсетілмейді. Құрылғыдағы кескіндер: {kept} / {total}.",
  "offline.list": "Байланыс жоқ. Осы құрылғыдағы зерттеулер:",
  "offline.study": "Байланыс жоқ. Көрсетілгені {when} алынған; қалғанына торап қажет.",
  "offline.elsewhere": "Байланыс жоқ. Бұған торап қажет.",
  "offline.notHere": "Бұл құрылғыда жоқ. Байланыс қалпына келгенде жүктеледі.",
  "offline.newer": "Бағдарламаның жаңа нұсқасы бар.",
  "offline.reload": "Жаңарту",
};
