/** The curve of a region over time, small, over the viewport; its values as a table to take away. */

import { n, t } from "@/i18n";
import { handOver } from "@/model/handOver";
import type { Pane } from "@/model/pane";
import { csvOf, plotted, type Curve } from "@/model/timeCurve";

const [WIDTH, HEIGHT] = [280, 90];

export function CurvePanel({ pane }: { readonly pane: Pane }) {
  const state = pane.curve.state.value;
  if (state.kind === "none") return null;
  // Without times it may be directions of diffusion or echoes that change from one to the next.
  const title = state.kind === "drawn" && state.curve.points.some(({ time }) => time === undefined) ? "curve.title.images" : "curve.title";
  return (
    <div class="curve-panel" role="region" aria-label={t(title)} data-testid="curve" data-state={state.kind}>
      <div class="curve-bar">
        <strong>{t(title)}</strong>
        <span class="spacer" />
        {state.kind === "drawn" && <Export curve={state.curve} />}
        <button type="button" class="button quiet" data-testid="curve-close" onClick={() => pane.curve.close()}>
          {t("dialog.close")}
        </button>
      </div>
      {state.kind === "drawn" && <Chart curve={state.curve} />}
      {state.kind === "loading" && <p role="status">{t("curve.loading", { done: state.done, total: state.total })}</p>}
      {(state.kind === "region" || state.kind === "series" || state.kind === "failed") && <p role="status">{t(`curve.${state.kind}`)}</p>}
    </div>
  );
}

function Export({ curve }: { readonly curve: Curve }) {
  const save = (): void => handOver(new Blob([csvOf(curve)], { type: "text/csv" }), "curve.csv");
  return (
    <button type="button" class="button quiet" data-testid="curve-csv" onClick={save}>
      CSV
    </button>
  );
}

function Chart({ curve }: { readonly curve: Curve }) {
  const { line, low, high, ends, timed } = plotted(curve, WIDTH, HEIGHT);
  const value = (of: number): string => `${n(of, 1)} ${curve.unit}`.trim();
  const end = (of: number): string => (timed ? `${n(of)} ${t("unit.ms")}` : `${t("viewport.image")} ${n(of)}`);
  return (
    <>
      <div class="curve-ends">
        <span>{value(high)}</span>
      </div>
      <svg viewBox={`-2 -2 ${WIDTH + 4} ${HEIGHT + 4}`} role="img" aria-label={t("curve.of", { low: value(low), high: value(high) })}>
        <path d={`M0 0V${HEIGHT}H${WIDTH}`} fill="none" stroke="currentColor" stroke-opacity="0.4" />
        <polyline points={line} fill="none" stroke="var(--accent)" stroke-width="1.5" />
      </svg>
      <div class="curve-ends">
        <span>{value(low)}</span>
        <span class="spacer" />
        <span>
          {end(ends[0])} – {end(ends[1])}
        </span>
      </div>
    </>
  );
}
