import type { Translated } from "@/i18n/catalogue";
import type { shell as english } from "@/i18n/en/shell";

export const shell: Translated<typeof english> = {
  "app.loading": "Загрузка…",

  "login.heading": "Вход",
  "login.name": "Имя пользователя",
  "login.password": "Пароль",
  "login.submit": "Войти",
  "login.busy": "Вход…",
  "login.wrong": "Неверное имя пользователя или пароль.",
  "login.tooMany": {
    one: "Слишком много попыток. Повторите через {count} секунду.",
    few: "Слишком много попыток. Повторите через {count} секунды.",
    many: "Слишком много попыток. Повторите через {count} секунд.",
    other: "Слишком много попыток. Повторите через {count} секунды.",
  },
  "login.ended": "Сеанс завершён. Войдите снова.",
  "login.ended.stays": "Сеанс завершён. Войдите снова и продолжайте с того же места: ничего не потеряно.",

  "password.heading": "Новый пароль",
  "password.why": "Вы вошли по одноразовому паролю. Придумайте пароль, который знаете только вы.",
  "password.current": "Одноразовый пароль",
  "password.new": "Новый пароль",
  "password.repeat": "Новый пароль ещё раз",
  "password.submit": "Сохранить пароль",
  "password.differ": "Новые пароли не совпадают.",
  "password.refused": "Этот пароль не принят.",
  "password.rule": "Не менее 10 символов; легко запомнить несколько не связанных слов.",
  "password.tooLong": "Пароль слишком длинный: не более 1024 символов.",
  "password.tooEasy": "Этот пароль легко угадать: имени учётной записи и повторов мало.",
  "password.same": "Новый пароль совпадает со старым. Придумайте другой.",
  "password.currentWrong": "Одноразовый пароль неверен. Проверьте его и попробуйте снова.",

  "session.signOut": "Выйти",
  "session.language": "Язык",

  "live.live": "На связи",
  "live.connecting": "Подключение",
  "live.offline": "Нет связи",
  "live.explain.live": "Новые исследования появляются сами.",
  "live.explain.connecting": "Подключение к узлу.",
  "live.explain.offline": "Список мог устареть. Связь восстанавливается.",

  "failure.network": "Узел не отвечает.",
  "failure.network.hint": "Проверьте сетевое подключение и повторите.",
  "failure.notFound": "Этого нет в архиве, или у вас нет доступа.",
  "failure.forbidden": "У вас нет к этому доступа.",
  "failure.forbidden.hint": "Администратор может разрешить это вашей учётной записи.",
  "failure.busy": "Узел занят.",
  "failure.server": "Узел не смог это выполнить.",
  "failure.retry": "Повторить",
};
