/** How large this display is: a card or a ruler is held against a bar until both are as long. */

import { useState } from "preact/hooks";

import { n, t } from "@/i18n";
import { calibrate, pixelsPerMm, REFERENCES, type Reference } from "@/model/trueSize";

const [LEAST_PER_MM, MOST_PER_MM] = [2, 8]; // CSS pixels
const USUAL_PER_MM = 96 / 25.4;
const NAMES = Object.keys(REFERENCES) as Reference[];

export function SizeCalibration() {
  const now = pixelsPerMm.value;
  const [reference, setReference] = useState<Reference>(innerWidth < 500 ? "cardShort" : "cardLong");
  const [perMm, setPerMm] = useState((now ?? USUAL_PER_MM * devicePixelRatio) / devicePixelRatio);
  const mm = REFERENCES[reference];
  return (
    <section class="size-calibration" data-testid="size-calibration" aria-labelledby="size-heading">
      <h2 id="size-heading">{t("size.heading")}</h2>
      <p>{t("size.explain")}</p>
      <p>
        <label class="field">
          <span>{t("size.reference")}</span>
          <select data-testid="size-reference" value={reference} onChange={(event) => setReference(event.currentTarget.value as Reference)}>
            {NAMES.map((name) => (
              <option key={name} value={name}>
                {t(`size.reference.${name}`)}
              </option>
            ))}
          </select>
        </label>
      </p>
      <div class="size-bar" data-testid="size-bar" data-reference={reference} style={{ width: `${mm * perMm}px` }} aria-hidden="true">
        <span>
          {n(mm, 2)} {t("unit.mm")}
        </span>
      </div>
      <label class="size-slider">
        <span>{t("size.slider")}</span>
        <input
          type="range"
          data-testid="size-slider"
          min={LEAST_PER_MM * mm}
          max={MOST_PER_MM * mm}
          step={0.5}
          value={perMm * mm}
          aria-valuetext={t("size.perMm", { count: n(perMm * devicePixelRatio, 2) })}
          onInput={(event) => setPerMm(Number(event.currentTarget.value) / mm)}
        />
      </label>
      <p class="size-end">
        <button type="button" class="button primary" data-testid="size-keep" onClick={() => calibrate(perMm * devicePixelRatio)}>
          {t("size.keep")}
        </button>
        {now !== undefined && (
          <button type="button" class="button" data-testid="size-forget" onClick={() => calibrate(undefined)}>
            {t("size.forget")}
          </button>
        )}
        <span class="muted" role="status" data-testid="size-state" data-per-mm={now}>
          {now === undefined ? t("size.unknown") : t("size.known", { count: n(now, 2) })}
        </span>
      </p>
    </section>
  );
}
