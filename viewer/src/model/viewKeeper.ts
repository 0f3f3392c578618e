/** Keeps how the list is looked at, and the searches that were saved, among the person's preferences. */

import { batch, effect, untracked } from "@preact/signals";

import { isLanguage, language, setLanguage } from "@/i18n";
import { columnsFrom, filterFrom, NO_FILTER, isEmpty, searchesFrom, SEARCHES_MOST, sortFrom, type SavedSearch } from "@/model/listView";
import { record, string } from "@/model/decode";
import type { Preferences } from "@/model/preferences";
import type { Worklist } from "@/model/worklist";

const VIEW = "worklist.view";
const SEARCHES = "worklist.searches";
const LANGUAGE = "language";

export class ViewKeeper {
  /** What the browser wishes for or remembers; only another one was chosen by this person. */
  private spokenFirst = language.peek();

  constructor(
    private readonly preferences: Preferences,
    private readonly worklist: Worklist,
  ) {}

  get searches(): readonly SavedSearch[] {
    return searchesFrom(this.preferences.get(SEARCHES));
  }

  save(name: string): void {
    const { filter, sort } = this.worklist;
    const others = this.searches.filter((one) => one.name !== name);
    this.preferences.set(SEARCHES, [{ name, filter: filter.peek(), sort: sort.peek() }, ...others].slice(0, SEARCHES_MOST));
  }

  remove(name: string): void {
    this.preferences.set(
      SEARCHES,
      this.searches.filter((one) => one.name !== name),
    );
  }

  apply({ filter, sort }: SavedSearch): void {
    batch(() => {
      this.worklist.filter.value = filter;
      this.worklist.sort.value = sort;
    });
  }

  /** Fetch them, then follow what is changed; the returned function ends it. */
  open(): () => void {
    void this.preferences.load();
    let restored = false;
    const stop = effect(() => {
      if (!this.preferences.loaded.value) {
        restored = false;
        return;
      }
      if (!restored) {
        restored = true;
        untracked(() => this.restore());
      }
      const { filter, sort, columns } = this.worklist;
      // The words that were looked for are a patient's: they stay on this page unless the reader saves a search.
      const view = { filter: { ...filter.value, search: "" }, sort: sort.value, columns: columns.value };
      const spoken = language.value;
      untracked(() => {
        this.preferences.set(VIEW, view);
        if (spoken !== this.spokenFirst) this.preferences.set(LANGUAGE, spoken);
      });
    });
    return () => {
      stop();
      this.spokenFirst = language.peek(); // whoever signs in next chose nothing yet
    };
  }

  private restore(): void {
    const view = record(this.preferences.get(VIEW));
    const spoken = string(this.preferences.get(LANGUAGE));
    const filter = filterFrom(view["filter"]);
    batch(() => {
      if (this.worklist.filter.peek() === NO_FILTER && !isEmpty(filter)) this.worklist.filter.value = filter;
      this.worklist.sort.value = sortFrom(view["sort"]);
      this.worklist.columns.value = columnsFrom(view["columns"]);
    });
    if (spoken === "" || language.peek() !== this.spokenFirst) return; // chosen just now, before signing in
    this.spokenFirst = isLanguage(spoken) ? spoken : this.spokenFirst;
    void setLanguage(spoken);
  }
}
