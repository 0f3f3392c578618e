import type { Translated } from "@/i18n/catalogue";
import type { shell as english } from "@/i18n/en/shell";

export const shell: Translated<typeof english> = {
  "app.loading": "Жүктөлүүдө…",

  "login.heading": "Кирүү",
  "login.name": "Колдонуучунун аты",
  "login.password": "Сырсөз",
  "login.submit": "Кирүү",
  "login.busy": "Кирүүдө…",
  "login.wrong": "Колдонуучунун аты же сырсөз туура эмес.",
  "login.tooMany": { other: "Аракет өтө көп. {count} секунддан кийин кайталаңыз." },
  "login.ended": "Сеанс аяктады. Кайра кириңиз.",
  "login.ended.stays": "Сеанс аяктады. Кайра кирип, токтогон жериңизден улантыңыз: эч нерсе жоголгон жок.",

  "password.heading": "Жаңы сырсөз",
  "password.why": "Сиз бир жолку сырсөз менен кирдиңиз. Өзүңүз гана билген сырсөз ойлоп табыңыз.",
  "password.current": "Бир жолку сырсөз",
  "password.new": "Жаңы сырсөз",
  "password.repeat": "Жаңы сырсөздү кайталаңыз",
  "password.submit": "Сырсөздү сактоо",
  "password.differ": "Жаңы сырсөздөр бирдей эмес.",
  "password.refused": "Бул сырсөз кабыл алынган жок.",
  "password.rule": "Кеминде 10 белги; бири-бирине байланышпаган бир нече сөздү эстеп калуу оңой.",
  "password.tooLong": "Сырсөз өтө узун: 1024 белгиден ашпашы керек.",
  "password.tooEasy": "Бул сырсөздү табуу оңой: каттоо аты менен кайталоолор жетишсиз.",
  "password.same": "Жаңы сырсөз эскиси менен бирдей. Башкасын тандаңыз.",
  "password.currentWrong": "Бир жолку сырсөз туура эмес. Текшерип, кайра аракет кылыңыз.",

  "session.signOut": "Чыгуу",
  "session.language": "Тил",

  "live.live": "Байланышта",
  "live.connecting": "Туташууда",
  "live.offline": "Байланыш жок",
  "live.explain.live": "Жаңы изилдөөлөр өзүнөн өзү пайда болот.",
  "live.explain.connecting": "Түйүнгө туташууда.",
  "live.explain.offline": "Тизме эскирген болушу мүмкүн. Байланыш калыбына келтирилүүдө.",

  "failure.network": "Түйүн жооп бербейт.",
  "failure.network.hint": "Тармак байланышын текшерип, кайталаңыз.",
  "failure.notFound": "Бул архивде жок же сизге жеткиликтүү эмес.",
  "failure.forbidden": "Бул сизге жеткиликтүү эмес.",
  "failure.forbidden.hint": "Администратор муну сиздин каттоо жазууңузга уруксат бере алат.",
  "failure.busy": "Түйүн бош эмес.",
  "failure.server": "Түйүн муну аткара алган жок.",
  "failure.retry": "Кайталоо",
};
