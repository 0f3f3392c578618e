/** How somebody likes to work: kept by the node, in force at once and on every device. */

import { useEffect } from "preact/hooks";

import { language, LANGUAGES, n, setLanguage, t } from "@/i18n";
import { formatMoment } from "@/i18n/format";
import type { App } from "@/model/app";
import { characterKeysOn, useCharacterKeys } from "@/model/characterKeys";
import { CINE, cineFrom, RATE_MAX } from "@/model/cine";
import { isTouchOnly } from "@/model/device";
import { OwnProtocols } from "@/model/ownHanging";
import { WORKLIST_LINK } from "@/model/route";
import { MouseSettings } from "@/settings/MouseSettings";
import { PasswordSection } from "@/settings/PasswordSection";
import { Section } from "@/settings/Section";
import { PageFrame } from "@/ui/PageFrame";
import "@/settings/settings.css";

interface SectionProps {
  readonly app: App;
}

export function SettingsScreen({ app }: SectionProps) {
  const { sessions, preferences } = app;
  useEffect(() => {
    void sessions.load();
    if (!preferences.loaded.peek()) void preferences.load();
  }, [sessions, preferences]);
  return (
    <PageFrame name="settings" heading="settings.heading" content={sessions}>
      <p class="muted">{t(preferences.loaded.value ? "settings.kept" : "settings.unknown")}</p>
      <fieldset class="settings" disabled={!preferences.loaded.value}>
        <LanguageSection />
        {!isTouchOnly() && <KeySection app={app} />}
        {!isTouchOnly() && <MouseSettings preferences={preferences} />}
        <CineSection app={app} />
        <ListSection app={app} />
      </fieldset>
      <div class="settings">
        <DeviceSection app={app} />
        <PasswordSection session={app.session} />
        <SessionsSection app={app} />
      </div>
    </PageFrame>
  );
}

function LanguageSection() {
  return (
    <Section heading={t("session.language")} name="language">
      <div class="choices" role="radiogroup" aria-label={t("session.language")}>
        {Object.entries(LANGUAGES).map(([code, name]) => (
          <label key={code} class="check" lang={code}>
            <input
              type="radio"
              name="language"
              data-testid={`language-${code}`}
              checked={language.value === code}
              onChange={() => void setLanguage(code)}
            />
            {name}
          </label>
        ))}
      </div>
    </Section>
  );
}

function KeySection({ app: { preferences } }: SectionProps) {
  return (
    <Section heading={t("settings.keys")} name="keys">
      <label class="check">
        <input
          type="checkbox"
          data-testid="settings-characters"
          checked={characterKeysOn(preferences)}
          onChange={(event) => useCharacterKeys(preferences, event.currentTarget.checked)}
        />
        {t("help.characters")}
      </label>
      <p class="muted">{t("settings.keys.explain")}</p>
    </Section>
  );
}

function CineSection({ app: { preferences } }: SectionProps) {
  const habit = cineFrom(preferences.get(CINE));
  return (
    <Section heading={t("settings.cine")} name="cine">
      <label class="field cine-field">
        <span>{t("cine.rate")}</span>
        <input
          type="number"
          min={1}
          max={RATE_MAX}
          required
          data-testid="settings-rate"
          value={habit.rate}
          onChange={(event) => {
            if (event.currentTarget.checkValidity()) preferences.set(CINE, { ...habit, rate: Number(event.currentTarget.value) });
            else event.currentTarget.value = String(habit.rate);
          }}
        />
      </label>
      <label class="check">
        <input type="checkbox" checked={habit.always} onChange={(event) => preferences.set(CINE, { ...habit, always: event.currentTarget.checked })} />
        {t("settings.cine.always")}
      </label>
    </Section>
  );
}

/** What is made elsewhere and kept here: searches, layouts. */
function ListSection({ app: { preferences, view } }: SectionProps) {
  const protocols = new OwnProtocols(preferences);
  return (
    <Section heading={t("settings.lists")} name="lists">
      <Named heading={t("worklist.searches")} names={view.searches.map(({ name }) => ({ id: name, name }))} remove={(name) => view.remove(name)} />
      <Named heading={t("hanging.title")} names={protocols.all.value} remove={(id) => protocols.remove(id)} />
      <p class="muted">{t("settings.lists.explain")}</p>
      <a class="button" href={WORKLIST_LINK}>
        {t("worklist.heading")}
      </a>
    </Section>
  );
}

interface NamedProps {
  readonly heading: string;
  readonly names: readonly { readonly id: string; readonly name: string }[];
  remove(id: string): void;
}

function Named({ heading, names, remove }: NamedProps) {
  return (
    <div class="named">
      <h3>{heading}</h3>
      {names.length === 0 && <p class="muted">{t("settings.none")}</p>}
      <ul>
        {names.map(({ id, name }) => (
          <li key={id}>
            <span>{name}</span>
            <button type="button" class="button quiet" aria-label={t("settings.remove", { name })} onClick={() => remove(id)}>
              {t("devices.remove")}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

function DeviceSection({ app }: SectionProps) {
  return (
    <Section heading={t("offline.heading")} name="device">
      <p class="muted">{t("offline.why")}</p>
      <button type="button" class="button" data-testid="settings-device" onClick={() => (app.deviceShown.value = true)}>
        {t("settings.device")}
      </button>
    </Section>
  );
}

function SessionsSection({ app: { sessions, session } }: SectionProps) {
  const all = sessions.all.value;
  return (
    <Section heading={t("settings.sessions")} name="sessions">
      <ul class="own-sessions">
        {all.map(({ createdAt, seenAt, current }) => (
          <li key={`${createdAt} ${seenAt}`} data-testid="own-session" data-current={current}>
            {t("settings.session", { from: formatMoment(createdAt, new Date()), seen: formatMoment(seenAt, new Date()) })}
            {current && <strong> · {t("settings.session.here")}</strong>}
          </li>
        ))}
      </ul>
      <div class="device-actions">
        <button type="button" class="button" data-testid="end-others" disabled={all.length < 2} onClick={() => void sessions.endOthers()}>
          {t("settings.endOthers", { count: n(Math.max(0, all.length - 1)) })}
        </button>
        <button type="button" class="button quiet" onClick={() => void session.signOut()}>
          {t("session.signOut")}
        </button>
      </div>
    </Section>
  );
}
