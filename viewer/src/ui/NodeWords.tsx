/** What the node, or another system, said in its own English: folded, for who looks after it. */

import { t } from "@/i18n";

export function NodeWords({ words }: { readonly words: string }) {
  if (words === "") return null;
  return (
    <details class="node-words">
      <summary>{t("failure.details")}</summary>
      <span lang="en">{words}</span>
    </details>
  );
}
