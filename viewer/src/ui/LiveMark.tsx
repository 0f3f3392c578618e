import { t } from "@/i18n";
import type { Live } from "@/model/live";

/** Whether the screen follows the node. */
export function LiveMark({ live }: { readonly live: Live }) {
  const state = live.state.value;
  return (
    <span class={`live live-${state}`} role="status" data-testid="live-state" data-state={state} title={t(`live.explain.${state}`)}>
      <span class="live-dot" aria-hidden="true" />
      <span class="live-word">{t(`live.${state}`)}</span>
    </span>
  );
}
