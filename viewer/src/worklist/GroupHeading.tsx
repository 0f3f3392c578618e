/** The heading of what stands together in the list: a line of the grid that is no study. */

import { t } from "@/i18n";
import { dateParts } from "@/i18n/format";
import { daysBack, type GroupKind } from "@/model/listGroups";

export function GroupHeading({ kind, columns }: { readonly kind: GroupKind; readonly columns: number }) {
  return (
    <div class={`row-group-head${"priority" in kind ? ` head-${kind.priority}` : ""}`} role="row">
      <span role="gridcell" aria-colspan={columns}>
        <h2 data-testid="list-heading">{"priority" in kind ? t(`priority.${kind.priority}`) : dayWords(kind.day, kind.arrived)}</h2>
      </span>
    </div>
  );
}

/** "Today · 29 November 2026"; of arrival: "Arrived today · …". */
function dayWords(da: string, arrived: boolean): string {
  if (da === "") return t("worklist.day.none");
  const parts = dateParts(da);
  if (!parts) return da;
  const { year, month, day, weekday } = parts;
  const written = t("date.long", { year, month: nth("date.months", month), day });
  const near = { 0: t("worklist.dates.today"), 1: t("worklist.day.yesterday") }[daysBack(da, new Date()) ?? -1];
  const words = `${near ?? nth("date.weekdays", weekday)} · ${written}`;
  return arrived ? t("worklist.day.arrived", { day: words }) : words;
}

/** One of the words of a list with blanks between them. */
function nth(list: "date.months" | "date.weekdays", at: number): string {
  return t(list).split(" ")[at] ?? "";
}
