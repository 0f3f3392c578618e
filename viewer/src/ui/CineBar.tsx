/** The controls of a stack that plays. */

import { n, t } from "@/i18n";
import { RATE_MAX } from "@/model/cine";
import type { Pane } from "@/model/pane";
import { Icon } from "@/ui/icons";
import "@/ui/barBelow.css";

export function CineBar({ pane }: { readonly pane: Pane }) {
  const { cine } = pane;
  const playing = cine.playing.value;
  const [first, last] = cine.limits();
  const rate = cine.rate.value;
  const reached = cine.reached.value;
  return (
    <div class="cine-bar" role="group" aria-label={t("tool.cine")} data-testid="cine-bar" data-playing={playing}>
      <button
        type="button"
        class="button cine-play"
        data-testid="cine-play"
        title={t(playing ? "cine.pause" : "cine.play")}
        onClick={() => (playing ? cine.pause() : cine.play())}
      >
        <Icon name={playing ? "pause" : "play"} />
        <span class="hidden-label">{t(playing ? "cine.pause" : "cine.play")}</span>
      </button>
      <label>
        <input
          type="range"
          min={1}
          max={RATE_MAX}
          value={rate}
          data-testid="cine-rate"
          aria-label={t("cine.rate")}
          onInput={(event) => (cine.rate.value = Number(event.currentTarget.value))}
        />
        <span class="cine-rate">{t("cine.perSecond", { count: rate })}</span>
        {reached !== undefined && (
          <span class="muted cine-reached" data-testid="cine-reached" data-reached={reached.toFixed(1)}>
            {t("cine.reached", { count: n(reached, 1) })}
          </span>
        )}
      </label>
      <button type="button" class="button" data-testid="cine-first" title={t("cine.first")} onClick={() => cine.limit("first")}>
        [ {first + 1}
      </button>
      <button type="button" class="button" data-testid="cine-last" title={t("cine.last")} onClick={() => cine.limit("last")}>
        {last + 1} ]
      </button>
      <button type="button" class="button quiet" data-testid="cine-close" title={t("dialog.close")} onClick={() => cine.close()}>
        <Icon name="close" />
        <span class="hidden-label">{t("dialog.close")}</span>
      </button>
    </div>
  );
}
