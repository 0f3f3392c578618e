import { language, LANGUAGES, setLanguage, t } from "@/i18n";
import { Icon } from "@/ui/icons";

export function LanguageSelect() {
  return (
    <label class="language" title={t("session.language")}>
      <Icon name="globe" />
      <span class="hidden-label">{t("session.language")}</span>
      <select
        data-testid="language-select"
        value={language.value}
        onChange={(event) => void setLanguage(event.currentTarget.value)}
      >
        {Object.entries(LANGUAGES).map(([code, name]) => (
          <option key={code} value={code} lang={code}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
