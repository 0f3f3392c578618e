import { choose, t } from "@/i18n";
import type { Raised } from "@/model/urgency";

/** The study's place in the queue. Where an AI service put it there, that is said, and that it is no diagnosis. */
export function PriorityMark({ study }: { readonly study: Pick<Raised, "priority" | "prioritySource" | "reason"> }) {
  const { priority, prioritySource } = study;
  const reason = choose(study.reason);
  return (
    <span class="priority-cell">
      <span class={`priority priority-${priority}`} data-testid="priority" data-priority={priority}>
        {t(`priority.${priority}`)}
      </span>
      {prioritySource && (
        <span class="ai" data-testid="priority-ai" title={t("priority.ai.explain", { source: prioritySource })}>
          <span class="ai-mark">{t("priority.ai")}</span>
          {reason && <span class="ai-reason">{reason}</span>}
          <span class="ai-caution">{t("notForDiagnosis")}</span>
        </span>
      )}
      {!prioritySource && reason && <span class="ai-reason">{reason}</span>}
    </span>
  );
}
