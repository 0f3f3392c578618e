import { useEffect, useState } from "preact/hooks";

import { Failure } from "@/dicomweb/http";
import { t } from "@/i18n";
import type { PlainKey } from "@/i18n/catalogue";
import type { Session } from "@/model/session";
import { Brand } from "@/ui/Brand";
import { FormField } from "@/ui/FormField";
import { failureMessage } from "@/ui/refusals";
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

/** What is said of the form as a whole, or of one of its fields. */
type Mistake = readonly [Field | "form", string];

function mistakeOf(failure: Failure, wrong: PlainKey): Mistake {
  if (failure.status !== 400) return ["form", failureMessage(failure)];
  if (failure.code === "current_wrong") return ["current", t(wrong)]; // nothing is wrong about the new one
  const reason = REASONS[failure.code];
  return reason === undefined ? ["form", t("password.refused")] : ["next", `${t("password.refused")} ${t(reason)}`];
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
  const [mistake, setMistake] = useState<Mistake | undefined>();

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    if (values.next !== values.again) {
      setMistake(["again", t("password.differ")]);
      return;
    }
    setBusy(true);
    setMistake(undefined);
    try {
      await session.changePassword(values.current, values.next);
      setValues(NOTHING);
      done?.();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      setMistake(mistakeOf(error, wrong));
    } finally {
      setBusy(false);
    }
  }

  return (
    <form class="password-form" onSubmit={(event) => void submit(event)}>
      {mistake?.[0] === "form" && (
        <p class="form-failure" role="alert">
          {mistake[1]}
        </p>
      )}
      {FIELDS.map(({ field, label, autocomplete }) => (
        <FormField
          key={field}
          label={t(label ?? currentLabel)}
          name={`password-${field}`}
          input={{ type: "password", autocomplete, required: true }}
          value={values[field]}
          mistake={mistake?.[0] === field ? mistake[1] : ""}
          change={(value) => setValues({ ...values, [field]: value })}
        />
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
