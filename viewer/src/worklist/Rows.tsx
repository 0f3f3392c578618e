import { Component } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { t } from "@/i18n";
import { follow } from "@/model/layers";
import { groupsOf } from "@/model/listGroups";
import { nextSort, SORTS, usualColumns, type ColumnName, type SortName } from "@/model/listView";
import { studyLink } from "@/model/route";
import type { Timeline } from "@/model/timeline";
import type { Worklist } from "@/model/worklist";
import type { WorklistStudy } from "@/model/worklistStudy";
import { CELLS, LABELS, WIDTHS } from "@/worklist/columns";
import { GroupHeading } from "@/worklist/GroupHeading";

/** The studies as a grid on a workstation and as cards on a phone: the same elements, laid out by the style sheet. */
interface RowsProps {
  readonly worklist: Worklist;
  readonly timeline: Timeline;
}

export function Rows({ worklist, timeline }: RowsProps) {
  const grid = useRef<HTMLDivElement>(null);
  const studies = worklist.studies.value;
  const loaded = worklist.loaded.value;
  const headed = !worklist.fromDevice.value; // what a device has is in no order
  const groups = headed ? groupsOf(studies, worklist.sort.value) : [{ key: "", kind: undefined, studies }];
  const columns = useSame(worklist.columns.value ?? usualColumns());
  useEffect(() => {
    worklist.inSight = () => inSight(grid.current);
    return () => void (worklist.inSight = () => [0, 0]);
  }, [worklist]);
  useEffect(() => {
    if (loaded && worklist.lastOpened) focusRow(grid.current, worklist.lastOpened);
  }, [loaded, worklist]);
  return (
    <div
      ref={grid}
      class={worklist.selection.value ? "rows selecting" : "rows"}
      role="grid"
      tabIndex={-1}
      aria-label={t("worklist.heading")}
      aria-busy={worklist.loading.value}
      aria-rowcount={-1}
      data-testid="worklist"
      onKeyDown={moveFocus}
      style={{ "--columns": columns.map((name) => WIDTHS[name]).join(" ") }}
    >
      <div class="row row-head" role="row">
        {columns.map((name) => (
          <ColumnHead key={name} name={name} worklist={worklist} />
        ))}
      </div>
      {groups.map(({ key, kind, studies: together }) => (
        <div key={key} role="rowgroup" class="row-group">
          {kind && <GroupHeading kind={kind} columns={columns.length} />}
          {together.map((study) => (
            <StillRow
              key={study.studyInstanceUid}
              worklist={worklist}
              study={study}
              columns={columns}
              timeline={timeline}
              fresh={worklist.fresh.value.has(study.studyInstanceUid)}
              selected={worklist.selection.value?.has(study.studyInstanceUid)}
              tabbable={study === studies[0]}
            />
          ))}
        </div>
      ))}
    </div>
  );
}

function isSortable(name: ColumnName): name is SortName & ColumnName {
  return (SORTS as readonly string[]).includes(name);
}

function ColumnHead({ name, worklist }: { readonly name: ColumnName; readonly worklist: Worklist }) {
  if (!isSortable(name)) {
    return (
      <span class={`cell cell-${name}`} role="columnheader">
        {name === "reading" ? <span class="hidden-label">{t(LABELS[name])}</span> : t(LABELS[name])}
      </span>
    );
  }
  const sort = worklist.sort.value;
  const own = sort?.by === name;
  return (
    <span
      class={`cell cell-${name}`}
      role="columnheader"
      aria-sort={own ? (sort.descending ? "descending" : "ascending") : "none"}
    >
      <button
        type="button"
        class="column-sort"
        data-testid={`sort-${name}`}
        title={t("worklist.sort.by", { column: t(LABELS[name]) })}
        onClick={() => (worklist.sort.value = nextSort(worklist.sort.peek(), name))}
      >
        {t(LABELS[name])}
        {own && <span aria-hidden="true">{sort.descending ? " ↓" : " ↑"}</span>}
      </button>
    </span>
  );
}

const ROW = "[data-testid=worklist-row]";

/** Which rows are within the window: the first, and the one behind the last. */
function inSight(grid: HTMLElement | null): readonly [number, number] {
  const rows = [...(grid?.querySelectorAll<HTMLElement>(ROW) ?? [])];
  const first = firstFrom(rows, (row) => row.getBoundingClientRect().bottom > 0);
  return [first, firstFrom(rows, (row) => row.getBoundingClientRect().top >= innerHeight)];
}

/** The first from which on it holds; their number where it holds for none. */
function firstFrom(rows: readonly HTMLElement[], holds: (row: HTMLElement) => boolean): number {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const row = rows[middle];
    if (row && holds(row)) high = middle;
    else low = middle + 1;
  }
  return low;
}

export function focusFirstRow(place: HTMLElement | null): void {
  place?.querySelector<HTMLElement>(ROW)?.focus();
}

function focusRow(grid: HTMLElement | null, studyInstanceUid: string): void {
  const row = [...(grid?.querySelectorAll<HTMLElement>(ROW) ?? [])].find(
    ({ dataset }) => dataset["studyUid"] === studyInstanceUid,
  );
  row?.focus();
}

function moveFocus(event: KeyboardEvent): void {
  if (!(event.target instanceof HTMLElement) || !event.target.matches(ROW)) return;
  const rows = [...(event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>(ROW)];
  const at = rows.indexOf(event.target);
  const targets: Readonly<Record<string, number>> = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: rows.length - 1 };
  const target = targets[event.key];
  if (target === undefined) return;
  event.preventDefault();
  rows[target]?.focus();
}

/** Open the study, or take it into the selection while there is one. */
function chosen(worklist: Worklist, studyInstanceUid: string): void {
  if (worklist.selection.peek()) worklist.select(studyInstanceUid);
  else follow(studyLink(studyInstanceUid));
}

interface RowProps {
  readonly worklist: Worklist;
  readonly study: WorklistStudy;
  readonly columns: readonly ColumnName[];
  readonly timeline: Timeline;
  readonly fresh: boolean;
  /** Undefined while nothing is selected here. */
  readonly selected: boolean | undefined;
  /** The one row that the Tab key reaches; the arrows go on from there. */
  readonly tabbable: boolean;
}

/** The array before where the new one says the same. */
function useSame(columns: readonly ColumnName[]): readonly ColumnName[] {
  const before = useRef(columns);
  if (before.current.join() !== columns.join()) before.current = columns;
  return before.current;
}

/** News are of a few rows: those of which nothing changed, of thousands, are not made again. */
class StillRow extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    return (Object.keys(next) as (keyof RowProps)[]).some((name) => next[name] !== this.props[name]);
  }

  override render() {
    return <Row {...this.props} />;
  }
}

function Row({ worklist, study, columns, timeline, fresh, selected, tabbable }: RowProps) {
  const choose = (): void => chosen(worklist, study.studyInstanceUid);
  return (
    <div
      class={`row${fresh ? " row-fresh" : ""}${study.reading.state === "read" ? " row-read" : ""}`}
      aria-selected={selected}
      role="row"
      tabIndex={tabbable ? 0 : -1}
      data-testid="worklist-row"
      data-study-uid={study.studyInstanceUid}
      onClick={choose}
      onKeyDown={(event) => event.key === "Enter" && choose()}
    >
      {columns.map((name) => {
        const Cell = CELLS[name];
        return (
          <span key={name} class={`cell cell-${name}`} role="gridcell">
            <Cell study={study} fresh={fresh} timeline={timeline} />
          </span>
        );
      })}
    </div>
  );
}
