import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { counted, n, t } from "@/i18n";
import { formatDate, parseDate } from "@/i18n/format";
import type { PlainKey } from "@/i18n/catalogue";
import { activeKinds, isEmpty, NO_FILTER, type Filter } from "@/model/listView";
import type { Worklist } from "@/model/worklist";
import { Icon } from "@/ui/icons";
import { useLayer } from "@/ui/useLayer";

const MODALITIES = ["CT", "MR", "CR", "DX", "US", "MG", "XA", "NM", "PT", "SR", "DOC"] as const;
/** Rarer ones (PS3.3 C.7.3.1.1.1), behind a list; those chosen stand beside the others. */
const OTHER_MODALITIES = ["BMD", "ECG", "ES", "HD", "IO", "IVOCT", "IVUS", "KO", "OAM", "OCT", "OP", "OPT", "OT", "PR", "PX", "RF", "RG", "RTDOSE", "RTIMAGE", "RTPLAN", "RTSTRUCT", "SEG", "SM", "TG", "XC"] as const;

interface FiltersProps {
  readonly worklist: Worklist;
  readonly searchField: RefObject<HTMLInputElement | null>;
  readonly children: ComponentChildren;
}

export function Filters({ worklist, searchField, children }: FiltersProps) {
  const [open, setOpen] = useState(false);
  const [over, setOver] = useState(false); // the list lies beneath
  const fold = useRef<HTMLButtonElement>(null);
  const folded = useRef<HTMLDivElement>(null);
  const filter = worklist.filter.value;
  const selecting = worklist.selection.value !== undefined;
  useEffect(() => {
    if (!selecting || !open) return;
    setOpen(false); // what is chosen from has the screen
    fold.current?.focus();
  }, [selecting]);
  const done = (): void => {
    setOpen(false);
    fold.current?.focus();
  };
  useLayer(over, done);
  useEffect(() => {
    const sheet = folded.current;
    if (!open || !sheet) return undefined;
    setOver(getComputedStyle(sheet).position === "absolute");
    const covers = (): boolean => getComputedStyle(sheet).position === "absolute"; // not on its side: it may be turned meanwhile
    const onCovered = (event: Event): void => {
      const { target } = event;
      if (target instanceof Element && target.closest(".worklist-main") && !target.closest(".filters") && covers()) setOpen(false);
    };
    const onKey = (event: KeyboardEvent): void => {
      const inside = sheet.contains(event.target as Node) || event.target === fold.current;
      if (event.key === "Escape" && inside && !sheet.querySelector(".popup") && covers()) done();
    };
    document.addEventListener("pointerdown", onCovered);
    document.addEventListener("focusin", onCovered);
    document.addEventListener("keydown", onKey);
    return () => {
      setOver(false);
      document.removeEventListener("pointerdown", onCovered);
      document.removeEventListener("focusin", onCovered);
      document.removeEventListener("keydown", onKey);
    };
  }, [open]);
  const active = activeKinds(filter);
  const change = (part: Partial<Filter>): void => {
    const next = { ...worklist.filter.peek(), ...part };
    worklist.filter.value = isEmpty(next) ? NO_FILTER : next;
  };
  return (
    <div class="filters" role="search">
      <label class="search">
        <Icon name="search" />
        <span class="hidden-label">{t("worklist.search")}</span>
        <input
          ref={searchField}
          data-testid="worklist-search"
          type="search"
          autocomplete="off"
          spellcheck={false}
          placeholder={t("worklist.search.hint")}
          value={filter.search}
          onInput={(event) => change({ search: event.currentTarget.value })}
          onKeyDown={(event) => event.key === "Escape" && change({ search: "" })}
        />
      </label>
      <Fold button={fold} open={open} active={active} turn={() => setOpen(!open)} />
      <div ref={folded} class="filters-folded" data-open={open}>
        <ModalityChips chosen={filter.modalities} choose={(modalities) => change({ modalities })} />
        <Dates filter={filter} change={change} />
        {children}
        <button type="button" class="button primary filters-done" data-testid="filters-done" onClick={done}>
          {t("worklist.filters.done", { studies: counted(worklist.totalIsLeast.value ? "worklist.count.least" : "worklist.count", worklist.total.value) })}
        </button>
      </div>
    </div>
  );
}

interface FoldProps {
  readonly button: RefObject<HTMLButtonElement | null>;
  readonly open: boolean;
  /** How many kinds of filters narrow the list, seen or not. */
  readonly active: number;
  turn(): void;
}

/** On a phone the studies have the screen, and all but the search is a press away. */
function Fold({ button, open, active, turn }: FoldProps) {
  const label = t("worklist.filters");
  return (
    <button ref={button} type="button" class="chip filters-fold" data-testid="filters-fold" title={label} aria-expanded={open} onClick={turn}>
      <Icon name="preset" />
      <span class="hidden-label">{label}</span>
      {active > 0 && <span class="filters-active">{n(active)}</span>}
    </button>
  );
}

interface ModalityChipsProps {
  readonly chosen: readonly string[];
  choose(modalities: readonly string[]): void;
}

function ModalityChips({ chosen, choose }: ModalityChipsProps) {
  const toggle = (modality: string): void =>
    choose(chosen.includes(modality) ? chosen.filter((one) => one !== modality) : [...chosen, modality]);
  const others = chosen.filter((one) => !(MODALITIES as readonly string[]).includes(one));
  return (
    <div class="chips" role="group" aria-label={t("worklist.modality")}>
      <button type="button" class="chip" aria-pressed={chosen.length === 0} onClick={() => choose([])}>
        {t("worklist.modality.all")}
      </button>
      {[...MODALITIES, ...others].map((modality) => (
        <button
          type="button"
          class="chip"
          key={modality}
          data-testid={`modality-${modality}`}
          aria-pressed={chosen.includes(modality)}
          onClick={() => toggle(modality)}
        >
          {modality}
        </button>
      ))}
      <select
        class="chip"
        data-testid="modality-other"
        aria-label={t("worklist.modality.other")}
        value=""
        onChange={(event) => {
          toggle(event.currentTarget.value);
          event.currentTarget.value = "";
        }}
      >
        <option value="">{t("worklist.modality.other")}</option>
        {OTHER_MODALITIES.filter((one) => !chosen.includes(one)).map((modality) => (
          <option key={modality}>{modality}</option>
        ))}
      </select>
    </div>
  );
}

const DAYS_BACK: readonly { readonly label: PlainKey; readonly days: number }[] = [
  { label: "worklist.dates.today", days: 0 },
  { label: "worklist.dates.week", days: 6 },
  { label: "worklist.dates.month", days: 29 },
];

interface DatesProps {
  readonly filter: Filter;
  change(part: Partial<Filter>): void;
}

function Dates({ filter, change }: DatesProps) {
  const { from, to, days, unread } = filter;
  const order = from !== "" && to !== "" && from > to;
  return (
    <div class="chips" role="group" aria-label={t("worklist.dates")}>
      <button
        type="button"
        class="chip"
        data-testid="only-unread"
        aria-pressed={unread}
        onClick={() => change({ unread: !unread })}
      >
        {t("worklist.unread")}
      </button>
      <button
        type="button"
        class="chip"
        aria-pressed={from === "" && to === "" && days === undefined}
        onClick={() => change({ from: "", to: "", days: undefined })}
      >
        {t("worklist.dates.all")}
      </button>
      {DAYS_BACK.map(({ label, days: back }) => (
        <button
          type="button"
          class="chip"
          key={label}
          aria-pressed={days === back}
          onClick={() => change({ from: "", to: "", days: back })}
        >
          {t(label)}
        </button>
      ))}
      <DateField label="worklist.dates.from" value={from} change={(next) => change({ from: next, days: undefined })} />
      <DateField label="worklist.dates.to" value={to} change={(next) => change({ to: next, days: undefined })} />
      {order && (
        <span class="date-wrong" role="alert" data-testid="dates-wrong">
          {t("worklist.dates.order")}
        </span>
      )}
    </div>
  );
}

interface DateFieldProps {
  readonly label: PlainKey;
  /** DA or "". */
  readonly value: string;
  change(value: string): void;
}

/** A date typed as DD.MM.YYYY; the browser's own field shows it in the order of the computer's country. */
function DateField({ label, value, change }: DateFieldProps) {
  const [draft, setDraft] = useState<string | undefined>();
  const [left, setLeft] = useState(false);
  const shown = draft ?? formatDate(value);
  const wrong = left && shown.trim() !== "" && parseDate(shown) === undefined;
  return (
    <label class="date-field">
      <span>{t(label)}</span>
      <input
        data-testid={label.replaceAll(".", "-")}
        inputMode="numeric"
        autocomplete="off"
        placeholder={t("worklist.dates.form")}
        aria-invalid={wrong}
        value={shown}
        onFocus={() => setLeft(false)}
        onInput={(event) => {
          const typed = event.currentTarget.value;
          setDraft(typed);
          const date = typed.trim() === "" ? "" : parseDate(typed);
          if (date !== undefined) change(date);
        }}
        onKeyDown={(event) => event.key === "Enter" && setLeft(true)}
        onBlur={() => {
          setLeft(true);
          if (draft !== undefined && (draft.trim() === "" || parseDate(draft) !== undefined)) setDraft(undefined);
        }}
      />
      {wrong && (
        <span class="date-wrong" role="alert" data-testid="date-wrong">
          {t("worklist.dates.wrong")}
        </span>
      )}
    </label>
  );
}
