import { t } from "@/i18n";
import type { PlainKey } from "@/i18n/catalogue";
import { Icon } from "@/ui/icons";

/** A document that could not be opened, and what to do: the ways to save it stand above it. */
export function BrokenNote({ why = "doc.broken" }: { readonly why?: PlainKey }) {
  return (
    <div class="waiting-stage">
      <div class="volume-note" role="alert" data-testid="document-broken">
        <Icon name="warning" />
        <p class="note-title">{t(why)}</p>
        <p>{t("doc.broken.hint")}</p>
      </div>
    </div>
  );
}
