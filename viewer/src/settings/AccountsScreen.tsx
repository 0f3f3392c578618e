/** Accounts: who they are, what they may do, how they are used; made, changed and closed by administrators. */

import { useEffect, useState } from "preact/hooks";

import type { Failure } from "@/dicomweb/http";
import { counted, isMessage, n, t } from "@/i18n";
import { formatMoment } from "@/i18n/format";
import { oneTimePassword, ROLES, type Account, type Accounts, type Role } from "@/model/accounts";
import type { App } from "@/model/app";
import { SETTINGS_LINK } from "@/model/route";
import { FormField } from "@/ui/FormField";
import { PageFrame } from "@/ui/PageFrame";
import { Icon } from "@/ui/icons";
import { fieldMistake } from "@/ui/refusals";
import "@/settings/settings.css";

/** A password that has to be told to its owner; it is shown until another one is. */
interface Told {
  readonly name: string;
  readonly password: string;
}

export function AccountsScreen({ app }: { readonly app: App }) {
  const { accounts } = app;
  const [told, setTold] = useState<Told | undefined>();
  useEffect(() => {
    void accounts.load();
  }, [accounts]);
  const own = app.session.userName;
  return (
    <PageFrame
      name="accounts"
      heading="accounts.heading"
      content={accounts}
      actions={
        <button type="button" class="button quiet" title={t("worklist.refresh")} onClick={() => void accounts.load()}>
          <Icon name="refresh" />
          <span class="hidden-label">{t("worklist.refresh")}</span>
        </button>
      }
    >
      {told && (
        <p class="told" role="status" data-testid="told-password">
          {t("accounts.told", { name: told.name })} <code>{told.password}</code>
          <button type="button" class="button quiet" onClick={() => setTold(undefined)}>
            {t("dialog.close")}
          </button>
        </p>
      )}
      {accounts.loaded.value ? (
        <>
          <section>
            {accounts.all.value.map((account) => (
              <AccountCard key={account.name} accounts={accounts} account={account} isOwn={account.name === own} tell={setTold} />
            ))}
          </section>
          <NewAccount accounts={accounts} tell={setTold} />
          <Permissions accounts={accounts} />
        </>
      ) : (
        !accounts.failure.value && <p class="muted">{t("app.loading")}</p>
      )}
    </PageFrame>
  );
}

interface CardProps {
  readonly accounts: Accounts;
  readonly account: Account;
  /** Nobody shuts themselves out, or takes their own rights away, by chance. */
  readonly isOwn: boolean;
  tell(told: Told): void;
}

function AccountCard({ accounts, account, isOwn, tell }: CardProps) {
  const { name, role, disabled, sessions, tokens } = account;
  const reset = async (): Promise<void> => {
    const password = oneTimePassword();
    if (await accounts.setPassword(name, password)) tell({ name, password });
  };
  return (
    <div class={disabled ? "device account disabled" : "device account"} data-testid="account" data-name={name} data-disabled={disabled}>
      <p>
        <strong>{name}</strong>
        {isOwn && <span class="muted"> · {t("accounts.own")}</span>}
        {disabled && <span class="bad"> · {t("accounts.disabled")}</span>}
        {account.lockedUntil && (
          <span class="bad">
            {" · "}
            {t("accounts.locked", { until: formatMoment(account.lockedUntil, new Date()) })}
          </span>
        )}
        {account.mustChangePassword && <span class="muted"> · {t("accounts.oneTime")}</span>}
      </p>
      <p class="muted" data-testid="account-use">
        {[
          account.signedInAt ? t("accounts.signedIn", { when: formatMoment(account.signedInAt, new Date()) }) : t("accounts.never"),
          counted("accounts.viewed", account.studiesViewed),
          t("accounts.sessions", { count: n(sessions) }),
          ...(tokens > 0 ? [t("accounts.tokens", { count: n(tokens) })] : []),
        ].join(" · ")}
      </p>
      <div class="device-actions">
        <label class="role">
          <span class="hidden-label">{t("accounts.role")}</span>
          <select
            value={role}
            disabled={isOwn}
            data-testid="account-role"
            onChange={(event) => void accounts.setRole(name, event.currentTarget.value).then((done) => done || void accounts.load())}
          >
            {ROLES.map((one) => (
              <option key={one} value={one}>
                {roleWord(one)}
              </option>
            ))}
          </select>
        </label>
        {isOwn ? (
          <a class="button quiet" href={SETTINGS_LINK}>
            {t("settings.heading")}
          </a>
        ) : (
          <Sure label={t("accounts.reset")} name="account-reset" done={() => void reset()} />
        )}
        {account.lockedUntil && (
          <button type="button" class="button" data-testid="account-unlock" onClick={() => void accounts.unlock(name)}>
            {t("accounts.unlock")}
          </button>
        )}
        {sessions > 0 && !isOwn && <Sure label={t("accounts.endSessions")} name="account-end" done={() => void accounts.endSessions(name)} />}
        {tokens > 0 && <Sure label={t("accounts.revoke")} name="account-revoke" done={() => void accounts.revokeTokens(name)} />}
        {!isOwn &&
          (disabled ? (
            <button type="button" class="button" data-testid="account-enable" onClick={() => void accounts.setDisabled(name, false)}>
              {t("accounts.enable")}
            </button>
          ) : (
            <Sure label={t("accounts.disable")} name="account-disable" done={() => void accounts.setDisabled(name, true)} />
          ))}
      </div>
    </div>
  );
}

interface SureProps {
  readonly label: string;
  readonly name: string;
  done(): void;
}

/** Done by the second press: the first one asks. */
function Sure({ label, name, done }: SureProps) {
  const [asking, setAsking] = useState(false);
  const press = (): void => {
    if (asking) done();
    setAsking(!asking);
  };
  return (
    <button type="button" class={asking ? "button asking" : "button quiet"} data-testid={name} onClick={press} onBlur={() => setAsking(false)}>
      {asking ? t("accounts.sure", { what: label }) : label}
    </button>
  );
}

interface NewAccountProps {
  readonly accounts: Accounts;
  tell(told: Told): void;
}

function NewAccount({ accounts, tell }: NewAccountProps) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("radiologist");
  const [refused, setRefused] = useState<Failure | undefined>();
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const password = oneTimePassword();
    const failure = await accounts.create(name.trim(), role, password);
    setRefused(failure);
    if (failure) return;
    tell({ name: name.trim(), password });
    setName("");
  };
  return (
    <section>
      <h2>{t("accounts.add")}</h2>
      <form class="device device-form" data-testid="account-form" noValidate onSubmit={(event) => void submit(event)}>
        <FormField
          label={t("login.name")}
          name="account_name"
          input={{ maxLength: 64, autocomplete: "off", autocapitalize: "none", spellcheck: false }}
          value={name}
          mistake={fieldMistake(refused, "name")}
          change={setName}
        />
        <label class="field">
          <span>{t("accounts.role")}</span>
          <select name="account_role" value={role} onChange={(event) => setRole(ROLES.find((one) => one === event.currentTarget.value) ?? role)}>
            {ROLES.map((one) => (
              <option key={one} value={one}>
                {roleWord(one)}
              </option>
            ))}
          </select>
        </label>
        <p class="muted wide">
          {t("accounts.name.rule")} {t("accounts.add.explain")}
        </p>
        <button type="submit" class="button primary make">
          {t("accounts.add.submit")}
        </button>
      </form>
    </section>
  );
}

/** What each role may do, as the node decides it: a line an action, a column a role. */
function Permissions({ accounts }: { readonly accounts: Accounts }) {
  const roles = ROLES.filter((role) => role in accounts.actions.value);
  const may = (role: Role, action: string): boolean => accounts.actions.value[role]?.includes(action) === true;
  const actions = [...new Set(roles.flatMap((role) => accounts.actions.value[role] ?? []))].filter((action) => isMessage(`action.${action}`));
  return (
    <section data-testid="permissions">
      <h2>{t("accounts.permissions")}</h2>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, by keys too */}
      <div class="permissions" tabIndex={0} role="group" aria-label={t("accounts.permissions")}>
        <table>
          <thead>
            <tr>
              <th scope="col">
                <span class="hidden-label">{t("accounts.heading")}</span>
              </th>
              {roles.map((role) => (
                <th key={role} scope="col">
                  {roleWord(role)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {actions.map((action) => (
              <tr key={action}>
                <th scope="row">{actionWord(action)}</th>
                {roles.map((role) => (
                  <td key={role} aria-label={t(may(role, action) ? "accounts.may" : "accounts.mayNot")}>
                    {may(role, action) ? "✓" : "–"}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function roleWord(role: string): string {
  const key = `role.${role}`;
  return isMessage(key) ? t(key) : role;
}

function actionWord(action: string): string {
  const key = `action.${action}`;
  return isMessage(key) ? t(key) : action;
}
