/** Who is signed in, and what is theirs: settings, the pages of administrators, signing out. */

import { t } from "@/i18n";
import type { App } from "@/model/app";
import { ACCOUNTS_LINK, DISPLAY_LINK, SETTINGS_LINK } from "@/model/route";
import { Icon, type IconName } from "@/ui/icons";
import { Popup } from "@/worklist/Popup";

export function AccountMenu({ app }: { readonly app: App }) {
  const state = app.session.state.value;
  if (state.kind !== "signed-in") return null;
  return (
    <Popup
      name="account"
      icon="account"
      look="button quiet"
      label={state.user.name}
      content={() => (
        <nav class="account-menu" aria-label={t("account.menu")}>
          <p class="muted">{state.user.name}</p>
          <PageLink name="settings" icon="settings" href={SETTINGS_LINK} words={t("settings.heading")} />
          {state.user.roles.includes("admin") && <PageLink name="accounts" icon="people" href={ACCOUNTS_LINK} words={t("accounts.heading")} />}
          <PageLink name="display" icon="window" href={DISPLAY_LINK} words={t("display.heading")} />
          <button type="button" class="button quiet" data-testid="sign-out" onClick={() => void app.session.signOut()}>
            <Icon name="leave" />
            {t("session.signOut")}
          </button>
        </nav>
      )}
    />
  );
}

interface PageLinkProps {
  readonly name: string;
  readonly icon: IconName;
  readonly href: string;
  readonly words: string;
}

function PageLink({ name, icon, href, words }: PageLinkProps) {
  return (
    <a class="button quiet" href={href} data-testid={`${name}-link`}>
      <Icon name={icon} />
      {words}
    </a>
  );
}
