/** Another password, by who knows the one in force. */

import { useState } from "preact/hooks";

import { t } from "@/i18n";
import type { Session } from "@/model/session";
import { Section } from "@/settings/Section";
import { PasswordForm } from "@/ui/PasswordChange";

export function PasswordSection({ session }: { readonly session: Session }) {
  const [changing, setChanging] = useState(false);
  const [changed, setChanged] = useState(false);
  const done = (): void => {
    setChanging(false);
    setChanged(true);
  };
  return (
    <Section heading={t("login.password")} name="password">
      {changed && (
        <p class="good" role="status" data-testid="password-changed">
          {t("settings.password.changed")}
        </p>
      )}
      {changing ? (
        <>
          <p class="muted">{t("password.rule")}</p>
          <PasswordForm session={session} currentLabel="settings.password.current" wrong="settings.password.wrong" done={done} />
        </>
      ) : (
        <button type="button" class="button" data-testid="password-open" onClick={() => setChanging(true)}>
          {t("settings.password")}
        </button>
      )}
    </Section>
  );
}
