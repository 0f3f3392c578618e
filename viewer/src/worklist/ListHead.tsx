/** The line above the rows: how many studies there are, what came late, and in which order they stand. */

import { counted, n, t } from "@/i18n";
import { BY_ARRIVAL, nextSort, SORTS, type Sort } from "@/model/listView";
import type { Worklist } from "@/model/worklist";
import { LABELS } from "@/worklist/columns";
import { Popup } from "@/worklist/Popup";

export function ListHead({ worklist }: { readonly worklist: Worklist }) {
  const { value: sort } = worklist.sort;
  const loaded = worklist.loaded.value;
  return (
    <div class="list-head">
      <span class="muted" role="status" data-testid="worklist-count">
        {loaded && counted(worklist.totalIsLeast.value ? "worklist.count.least" : "worklist.count", worklist.total.value)}
      </span>
      {loaded && worklist.late.value > 0 && (
        <button type="button" class="chip late" data-testid="worklist-late" title={t("worklist.late.explain")} onClick={() => (worklist.sort.value = BY_ARRIVAL)}>
          {t("worklist.late", { count: `${n(worklist.late.value)}${worklist.lateIsLeast.value ? "+" : ""}` })}
        </button>
      )}
      <span class="spacer" />
      <Popup name="sort" icon="sort" label={orderWords(sort)} content={(close) => <Order worklist={worklist} close={close} />} />
    </div>
  );
}

function orderWords(sort: Sort | undefined): string {
  if (!sort) return t("worklist.sort.date");
  if (sort.by === "arrival") return t("worklist.sort.arrival");
  return `${t(LABELS[sort.by])} ${sort.descending ? "↓" : "↑"}`;
}

function Order({ worklist, close }: { readonly worklist: Worklist; close(): void }) {
  const sort = worklist.sort.value;
  return (
    <>
      <p class="muted">{t("worklist.sort.urgent")}</p>
      {[undefined, BY_ARRIVAL].map((own) => (
        <label key={own?.by ?? "date"} class="popup-line">
          <input
            type="radio"
            name="order"
            checked={sort?.by === own?.by}
            data-testid={`sort-own-${own?.by ?? "date"}`}
            onChange={() => (worklist.sort.value = own)}
          />
          {orderWords(own)}
        </label>
      ))}
      <p class="muted">{t("worklist.sort.columns")}</p>
      {SORTS.map((by) => (
        <label key={by} class="popup-line">
          <input
            type="radio"
            name="order"
            checked={sort?.by === by}
            data-testid={`sort-by-${by}`}
            onChange={() => (worklist.sort.value = nextSort(undefined, by))}
          />
          {t(LABELS[by])}
        </label>
      ))}
      {sort && sort.by !== "arrival" && (
        <button
          type="button"
          class="button quiet"
          data-testid="sort-turn"
          onClick={() => {
            worklist.sort.value = { ...sort, descending: !sort.descending };
            close();
          }}
        >
          {t(sort.descending ? "worklist.sort.descending" : "worklist.sort.ascending")}
        </button>
      )}
    </>
  );
}
