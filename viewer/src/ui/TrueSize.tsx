/** That an image stands in its true size on the screen, and of what; and what to do where the display was never measured. */

import type { Dataset } from "@/dicomweb/json";
import type { SpacingBasis } from "@/dicomweb/spacing";
import { t } from "@/i18n";
import type { PlainKey } from "@/i18n/catalogue";
import { DISPLAY_LINK } from "@/model/route";
import { shownTrueSize, unmeasured } from "@/model/trueSize";
import { Dialog } from "@/ui/Dialog";

const MEANS: Readonly<Partial<Record<SpacingBasis, PlainKey>>> = {
  detector: "size.true.detector",
  magnified: "size.true.magnified",
  calibrated: "size.true.calibrated",
};

export function TrueSizeMark({ dataset, scale }: { readonly dataset: Dataset; readonly scale: number | undefined }) {
  const basis = shownTrueSize(dataset, scale);
  return basis === undefined ? null : (
    <span data-testid="true-size" data-basis={basis}>
      {t(MEANS[basis] ?? "size.true")}
    </span>
  );
}

function close(): void {
  unmeasured.value = false;
}

export function TrueSizeDialog() {
  if (!unmeasured.value) return null;
  return (
    <Dialog label={t("size.heading")} name="size-unknown" close={close}>
      <h2 tabIndex={-1} autofocus>
        {t("size.heading")}
      </h2>
      <p>{t("size.ask")}</p>
      <form method="dialog" class="help-end">
        <a class="button primary" data-testid="size-link" href={DISPLAY_LINK} target="_blank" rel="noreferrer" onClick={close}>
          {t("size.measure")}
        </a>
        <button type="submit" class="button">
          {t("dialog.close")}
        </button>
      </form>
    </Dialog>
  );
}
