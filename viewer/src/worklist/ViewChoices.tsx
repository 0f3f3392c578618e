/** How the list is looked at: its columns, and the searches that were saved. */

import { useState } from "preact/hooks";

import { t } from "@/i18n";
import type { App } from "@/model/app";
import { COLUMNS, isEmpty, usualColumns, type ColumnName } from "@/model/listView";
import type { ViewKeeper } from "@/model/viewKeeper";
import type { Worklist } from "@/model/worklist";
import { Icon } from "@/ui/icons";
import { LABELS } from "@/worklist/columns";
import { Popup } from "@/worklist/Popup";

export function ViewChoices({ app: { worklist, view } }: { readonly app: App }) {
  return (
    <>
      <Popup name="searches" icon="search" label={t("worklist.searches")} content={(close) => <Searches worklist={worklist} view={view} close={close} />} />
      <Popup name="columns" icon="layout" label={t("worklist.columns")} content={() => <Columns worklist={worklist} />} />
    </>
  );
}

function Columns({ worklist }: { readonly worklist: Worklist }) {
  const shown = worklist.columns.value ?? usualColumns();
  const toggle = (name: ColumnName): void => {
    const next = COLUMNS.filter((one) => (one === name ? !shown.includes(one) : shown.includes(one)));
    if (next.length > 0) worklist.columns.value = next;
  };
  return (
    <>
      {COLUMNS.map((name) => (
        <label key={name} class="popup-line">
          <input type="checkbox" checked={shown.includes(name)} data-testid={`column-${name}`} onChange={() => toggle(name)} />
          {t(LABELS[name])}
        </label>
      ))}
      <button type="button" class="button quiet" onClick={() => (worklist.columns.value = undefined)}>
        {t("worklist.columns.usual")}
      </button>
    </>
  );
}

interface SearchesProps {
  readonly worklist: Worklist;
  readonly view: ViewKeeper;
  close(): void;
}

const NAME_LONGEST = 60;

function Searches({ worklist, view, close }: SearchesProps) {
  const [name, setName] = useState("");
  const nothing = isEmpty(worklist.filter.value) && worklist.sort.value === undefined;
  const save = (event: Event): void => {
    event.preventDefault();
    if (name.trim() === "") return;
    view.save(name.trim());
    setName("");
  };
  return (
    <>
      {view.searches.map((search) => (
        <div key={search.name} class="popup-line">
          <button
            type="button"
            class="button quiet saved-search"
            data-testid="saved-search"
            onClick={() => {
              view.apply(search);
              close();
            }}
          >
            {search.name}
          </button>
          <button type="button" class="button quiet" title={t("worklist.searches.remove")} onClick={() => view.remove(search.name)}>
            <Icon name="clear" />
            <span class="hidden-label">{t("worklist.searches.remove")}</span>
          </button>
        </div>
      ))}
      {view.searches.length === 0 && <p class="muted">{t("worklist.searches.none")}</p>}
      {nothing ? (
        <p class="muted">{t("worklist.searches.hint")}</p>
      ) : (
        <form class="popup-form" onSubmit={save}>
          <label class="field">
            <span>{t("worklist.searches.name")}</span>
            <input
              value={name}
              maxLength={NAME_LONGEST}
              data-testid="search-name"
              onInput={(event) => setName(event.currentTarget.value)}
            />
          </label>
          <button type="submit" class="button" data-testid="search-save" disabled={name.trim() === ""}>
            {t("worklist.searches.save")}
          </button>
        </form>
      )}
    </>
  );
}
