import { useEffect, useState } from "preact/hooks";

import { Failure } from "@/dicomweb/http";
import { t } from "@/i18n";
import type { PlainKey } from "@/i18n/catalogue";
import type { Session } from "@/model/session";
import { Brand } from "@/ui/Brand";
import { failureMessage } from "@/ui/FailureNote";
import { LanguageSelect } from "@/ui/LanguageSelect";

type Field = "current" | "next" | "again";

const NOTHING: Record<Field, string> = { current: "", next: "", again: "" };

const FIELDS: readonly { readonly field: Field; readonly label?: PlainKey; readonly autocomplete: string }[] = [
  { field: "current", autocomplete: "current-password" },
  { field: "next", label: "password.new", autocomplete: "new-password" },
  { field: "again", label: "password.repeat", autocomplete: "new-password" },
];

/** The node's reasons, by its codes. */
const REASONS: Readonly<Record<string, PlainKey>> = {
  too_short: "password.rule",
  too_long: "password.tooLong",
  too_easy: "password.tooEasy",
  same: "password.same",
};

function refusal(failure: Failure, wrong: PlainKey): string {
  if (failure.status !== 400) return failureMessage(failure);
  if (failure.code === "current_wrong") return t(wrong); // nothing is wrong about the new one
  const reason = REASONS[failure.code];
  return reason === undefined ? t("password.refused") : `${t("password.refused")} ${t(reason)}`;
}

interface FormProps {
  readonly session: Session;
  readonly currentLabel: PlainKey;
  /** Said when the password in force was typed wrong. */
  readonly wrong: PlainKey;
  /** The node has the new password. */
  done?(): void;
}

/** The fields, and why the node did not take what was typed. */
export function PasswordForm({ session, currentLabel, wrong, done }: FormProps) {
  const [values, setValues] = useState(NOTHING);
  const [busy, setBusy] = useState(false);
  const [message, setMessage] = useState("");

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    if (values.next !== values.again) {
      setMessage(t("password.differ"));
      return;
    }
    setBusy(true);
    setMessage("");
    try {
      await session.changePassword(values.current, values.next);
      setValues(NOTHING);
      done?.();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      setMessage(refusal(error, wrong));
    } finally {
      setBusy(false);
    }
  }

  return (
    <form class="password-form" onSubmit={(event) => void submit(event)}>
      {message && (
        <p class="form-failure" role="alert" data-testid="password-failure">
          {message}
        </p>
      )}
      {FIELDS.map(({ field, label, autocomplete }) => (
        <label class="field" key={field}>
          <span>{t(label ?? currentLabel)}</span>
          <input
            data-testid={`password-${field}`}
            type="password"
            autocomplete={autocomplete}
            required
            value={values[field]}
            onInput={(event) => setValues({ ...values, [field]: event.currentTarget.value })}
          />
        </label>
      ))}
      <button type="submit" class="button primary" data-testid="password-submit" disabled={busy}>
        {t("password.submit")}
      </button>
    </form>
  );
}

/** For accounts whose password is the one-time one. */
export function PasswordChange({ session }: { readonly session: Session }) {
  useEffect(() => {
    document.title = `${t("password.heading")} · Suret`;
  });
  return (
    <main class="gate">
      <div class="panel">
        <Brand />
        <h1>{t("password.heading")}</h1>
        <p class="muted">
          {t("password.why")} {t("password.rule")}
        </p>
        <PasswordForm session={session} currentLabel="password.current" wrong="password.currentWrong" />
        <button type="button" class="button quiet" onClick={() => void session.signOut()}>
          {t("session.signOut")}
        </button>
        <LanguageSelect />
      </div>
    </main>
  );
}
