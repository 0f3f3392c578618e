/** Signing in, the session, what went wrong. */

export const shell = {
  "app.loading": "Loading…",

  "login.heading": "Sign in",
  "login.name": "User name",
  "login.password": "Password",
  "login.submit": "Sign in",
  "login.busy": "Signing in…",
  "login.wrong": "The user name or the password is wrong.",
  "login.tooMany": { one: "Too many attempts. Try again in {count} second.", other: "Too many attempts. Try again in {count} seconds." },
  "login.ended": "Your session has ended. Please sign in again.",
  "login.ended.stays": "Your session has ended. Sign in again and go on where you were: nothing is lost.",

  "password.heading": "Choose a password",
  "password.why": "You signed in with a one-time password. Choose one that only you know.",
  "password.current": "One-time password",
  "password.new": "New password",
  "password.repeat": "New password again",
  "password.submit": "Save password",
  "password.differ": "The two new passwords differ.",
  "password.refused": "This password was not accepted.",
  "password.rule": "At least 10 characters; a few unrelated words are easy to remember.",
  "password.tooLong": "This password is too long: use at most 1024 characters.",
  "password.tooEasy": "This password is easy to guess: use more than your account's name and repetitions.",
  "password.same": "The new password is the old one. Choose another.",
  "password.currentWrong": "The one-time password is wrong. Check it and try again.",

  "session.signOut": "Sign out",
  "session.language": "Language",

  "live.live": "Live",
  "live.connecting": "Connecting",
  "live.offline": "No connection",
  "live.explain.live": "New studies appear by themselves.",
  "live.explain.connecting": "Connecting to the node.",
  "live.explain.offline": "The list may be out of date. The connection is being restored.",

  "failure.network": "The node does not answer.",
  "failure.network.hint": "Check the network connection and try again.",
  "failure.notFound": "This is not in the archive, or you have no access to it.",
  "failure.forbidden": "You have no access to this.",
  "failure.forbidden.hint": "An administrator can let your account do it.",
  "failure.busy": "The node is busy.",
  "failure.server": "The node could not do this.",
  "failure.retry": "Try again",
} as const;
