/** How the viewports stand: rows and columns, at most four of each. */

export interface Layout {
  readonly rows: number;
  readonly columns: number;
}

export const LAYOUT_LONGEST = 4;

export const ONE_UP: Layout = { rows: 1, columns: 1 };

function bounded(count: number): number {
  return Math.max(1, Math.min(LAYOUT_LONGEST, Math.trunc(count) || 1));
}

/** A layout in bounds. */
export function layout(rows: number, columns: number): Layout {
  return { rows: bounded(rows), columns: bounded(columns) };
}

export function sizeOf({ rows, columns }: Layout): number {
  return rows * columns;
}

/** `2×3`, rows first, as it is written on buttons and kept in preferences. */
export function layoutName({ rows, columns }: Layout): string {
  return `${rows}×${columns}`;
}

/** The layout that `layoutName` wrote so; undefined when the text is none. */
export function layoutNamed(name: string): Layout | undefined {
  const [, rows, columns] = /^([1-4])×([1-4])$/.exec(name) ?? [];
  return rows && columns ? layout(Number(rows), Number(columns)) : undefined;
}

/** How viewports share the screen. */
export interface Places {
  /** A CSS grid template. */
  readonly template: string;
  /** The CSS grid area of each viewport. */
  readonly areas: readonly string[];
}

/** Rows and columns alike; of four, one that is wide by its nature has the whole of the lower row when it is the last. */
export function placesOf({ rows, columns }: Layout, lastIsWide = false): Places {
  if (lastIsWide && rows === 2 && columns === 2) {
    return { template: "minmax(0, 2fr) minmax(0, 3fr) / repeat(3, minmax(0, 1fr))", areas: ["1 / 1", "1 / 2", "1 / 3", "2 / 1 / -1 / -1"] };
  }
  const areas = Array.from({ length: rows * columns }, (_, index) => `${Math.trunc(index / columns) + 1} / ${(index % columns) + 1}`);
  return { template: gridOf(rows, columns), areas };
}

function gridOf(rows: number, columns: number): string {
  return `repeat(${rows}, minmax(0, 1fr)) / repeat(${columns}, minmax(0, 1fr))`;
}
