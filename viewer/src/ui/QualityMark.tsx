/** Red, yellow or green beside a word: how much of the picture is here, and how much is to come. */

import { n, t } from "@/i18n";

const WORTH_TELLING_BYTES = 50_000;

export type Mark = "preview" | "partial" | "full" | "rendered";

interface QualityMarkProps {
  /** Of what is on the screen; undefined when nothing is. */
  readonly mark: Mark | undefined;
  readonly bytesLeft: number;
  /** It lost something before it came into the archive. */
  readonly lossy?: boolean;
}

export function QualityMark({ mark, bytesLeft, lossy = false }: QualityMarkProps) {
  return (
    <span class="quality" data-testid="quality" data-quality={mark}>
      {mark && (
        <>
          <span class={`quality-dot quality-${mark}`} aria-hidden="true" /> {t(mark === "full" && lossy ? "quality.full.lossy" : `quality.${mark}`)}
        </>
      )}
      {bytesLeft >= WORTH_TELLING_BYTES && <span class="muted"> {t("quality.left", { megabytes: n(bytesLeft / 1e6, 1) })}</span>}
    </span>
  );
}
