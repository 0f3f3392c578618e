import type { Translated } from "@/i18n/catalogue";
import type { shell as english } from "@/i18n/en/shell";

export const shell: Translated<typeof english> = {
  "app.loading": "Жүктелуде…",

  "login.heading": "Кіру",
  "login.name": "Пайдаланушы аты",
  "login.password": "Құпиясөз",
  "login.submit": "Кіру",
  "login.busy": "Кіруде…",
  "login.wrong": "Пайдаланушы аты немесе құпиясөз қате.",
  "login.tooMany": { other: "Әрекет тым көп. {count} секундтан кейін қайталаңыз." },
  "login.ended": "Сеанс аяқталды. Қайта кіріңіз.",
  "login.ended.stays": "Сеанс аяқталды. Қайта кіріп, тоқтаған жеріңізден жалғастырыңыз: ештеңе жоғалған жоқ.",

  "password.heading": "Жаңа құпиясөз",
  "password.why": "Сіз бір реттік құпиясөзбен кірдіңіз. Тек өзіңіз білетін құпиясөз ойлап табыңыз.",
  "password.current": "Бір реттік құпиясөз",
  "password.new": "Жаңа құпиясөз",
  "password.repeat": "Жаңа құпиясөзді қайталаңыз",
  "password.submit": "Құпиясөзді сақтау",
  "password.differ": "Жаңа құпиясөздер бірдей емес.",
  "password.refused": "Бұл құпиясөз қабылданбады.",
  "password.rule": "Кемінде 10 таңба; бір-бірімен байланыссыз бірнеше сөзді есте сақтау оңай.",
  "password.tooLong": "Құпиясөз тым ұзын: 1024 таңбадан аспауы керек.",
  "password.tooEasy": "Бұл құпиясөзді табу оңай: тіркелгі аты мен қайталаулар жеткіліксіз.",
  "password.same": "Жаңа құпиясөз ескісімен бірдей. Басқасын таңдаңыз.",
  "password.currentWrong": "Бір реттік құпиясөз қате. Тексеріп, қайталап көріңіз.",

  "session.signOut": "Шығу",
  "session.language": "Тіл",

  "live.live": "Байланыста",
  "live.connecting": "Қосылуда",
  "live.offline": "Байланыс жоқ",
  "live.explain.live": "Жаңа зерттеулер өздігінен пайда болады.",
  "live.explain.connecting": "Торапқа қосылуда.",
  "live.explain.offline": "Тізім ескіруі мүмкін. Байланыс қалпына келтірілуде.",

  "failure.network": "Торап жауап бермейді.",
  "failure.network.hint": "Желі байланысын тексеріп, қайталаңыз.",
  "failure.notFound": "Бұл мұрағатта жоқ немесе сізге қолжетімді емес.",
  "failure.forbidden": "Бұл сізге қолжетімді емес.",
  "failure.forbidden.hint": "Әкімші мұны сіздің тіркелгіңізге рұқсат ете алады.",
  "failure.busy": "Торап бос емес.",
  "failure.server": "Торап мұны орындай алмады.",
  "failure.retry": "Қайталау",
};
