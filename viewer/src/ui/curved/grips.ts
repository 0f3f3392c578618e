/** Which points of a curve are taken where: no two of them on the same spot, so that each press has one meaning. */

export interface Spot {
  /** Pixels of the viewport. */
  readonly at: readonly [number, number];
  /** It lies off the plane that is shown. */
  readonly away: boolean;
}

const WIDEST_PX = 18;
const APART_PX = 24; // WCAG 2.5.8

/**
 * Radii of what is pressed, pixels, in the order of the points; undefined for a point that is only seen.
 *
 * The chosen point comes first, then those in the plane, then those off it. Who would lie over one before gives way: it is
 * taken in another plane, or when the picture is enlarged. Those that lie near one another share the room between them.
 */
export function gripsOf(spots: readonly Spot[], chosen: number | undefined): readonly (number | undefined)[] {
  const rank = (index: number): number => (index === chosen ? 0 : spots[index]?.away ? 2 : 1);
  const taken = new Set<number>();
  for (const index of spots.map((_, at) => at).toSorted((a, b) => rank(a) - rank(b))) {
    if (room(spots, index, taken) >= APART_PX) taken.add(index);
  }
  return spots.map((_, index) => (taken.has(index) ? Math.min(WIDEST_PX, room(spots, index, taken) / 2) : undefined));
}

/** How far the nearest of the others is. */
function room(spots: readonly Spot[], index: number, others: ReadonlySet<number>): number {
  const [x, y] = spots[index]?.at ?? [0, 0];
  return Math.min(...spots.map(({ at }, other) => (other !== index && others.has(other) ? Math.hypot(at[0] - x, at[1] - y) : Infinity)));
}
