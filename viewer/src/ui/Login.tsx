import { useEffect, useState } from "preact/hooks";

import { Failure } from "@/dicomweb/http";
import { counted, t } from "@/i18n";
import type { Session } from "@/model/session";
import { Brand } from "@/ui/Brand";
import { failureMessage } from "@/ui/refusals";
import { LanguageSelect } from "@/ui/LanguageSelect";

function loginMessage(failure: Failure): string {
  if (failure.status === 401) return t("login.wrong");
  if (failure.status === 429) return counted("login.tooMany", failure.retryAfter);
  return failureMessage(failure);
}

interface LoginProps {
  readonly session: Session;
  /** Whether the reader was signed in until a moment ago. */
  readonly ended: boolean;
  /** Whether what they were reading waits for them. */
  readonly stays?: boolean;
}

export function Login({ session, ended, stays = false }: LoginProps) {
  const [name, setName] = useState(stays ? session.userName : "");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | undefined>();

  useEffect(() => {
    document.title = `${t("login.heading")} · Suret`;
  });

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setFailure(undefined);
    try {
      await session.signIn(name, password);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      setFailure(error);
      setPassword("");
    } finally {
      setBusy(false);
    }
  }

  return (
    <main class="gate">
      <form class="panel" onSubmit={(event) => void submit(event)}>
        <Brand />
        <h1>{t("login.heading")}</h1>
        {ended && !failure && <p role="status">{t(stays ? "login.ended.stays" : "login.ended")}</p>}
        {failure && (
          <p class="form-failure" role="alert" data-testid="login-failure">
            {loginMessage(failure)}
          </p>
        )}
        <label class="field">
          <span>{t("login.name")}</span>
          <input
            data-testid="login-name"
            name="username"
            autocomplete="username"
            autocapitalize="none"
            spellcheck={false}
            required
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <label class="field">
          <span>{t("login.password")}</span>
          <input
            data-testid="login-password"
            name="password"
            type="password"
            autocomplete="current-password"
            required
            value={password}
            onInput={(event) => setPassword(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="button primary" data-testid="login-submit" disabled={busy}>
          {t(busy ? "login.busy" : "login.submit")}
        </button>
        <LanguageSelect />
      </form>
    </main>
  );
}
