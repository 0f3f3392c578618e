/** A failure in plain words: what happened, what to do, and a way to try again. */

import type { Failure } from "@/dicomweb/http";
import { t } from "@/i18n";
import { Icon } from "@/ui/icons";
import { NodeWords } from "@/ui/NodeWords";
import { failureHint, failureMessage, nodeWords } from "@/ui/refusals";

interface FailureNoteProps {
  readonly failure: Failure;
  readonly retry?: () => void;
}

export function FailureNote({ failure, retry }: FailureNoteProps) {
  const hint = failureHint(failure);
  return (
    <div class="note failure" role="alert">
      <Icon name="warning" />
      <div>
        <p class="note-title">{failureMessage(failure)}</p>
        {hint && <p class="muted">{hint}</p>}
        <NodeWords words={nodeWords(failure)} />
        {retry && (
          <button type="button" class="button" onClick={retry}>
            {t("failure.retry")}
          </button>
        )}
      </div>
    </div>
  );
}
