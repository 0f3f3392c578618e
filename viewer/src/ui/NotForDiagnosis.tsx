/** What to beware of in a picture; in the least of viewports that alone: what picture it is, the mark of its quality tells. */

import { t } from "@/i18n";

export function NotForDiagnosis({ words }: { readonly words: string }) {
  return (
    <span class="badge caution-badge" data-testid="not-for-diagnosis">
      <span class="said-with-room">{words}</span>
      <span class="said-in-brief">{t("notForDiagnosis")}</span>
    </span>
  );
}
