/** What a viewport is asked to show: a value, so that layouts, hanging protocols and links can speak of it. */

import type { SeriesSummary } from "@/dicomweb/client";

/**
 * `stack`: the images one by one; `mpr`: a plane cut out of the series; `curved`: along a curve through it; `volume`: rendered in three dimensions;
 * `rendered`: a picture that the node made; `document`: what has no pictures; `overlay`: marks over the images that they
 * were drawn on; `slide`: a whole slide in tiles. Who draws a kind: `ui/paneKinds.ts`.
 */
export const VIEW_KINDS = ["stack", "mpr", "curved", "volume", "rendered", "document", "overlay", "slide"] as const;
export type ViewKind = (typeof VIEW_KINDS)[number];

/** What is cut out of the images or made of them: their number says nothing of where it is. */
const OF_VOLUMES: ReadonlySet<ViewKind> = new Set(["mpr", "curved", "volume"]);

export function isOfVolume(showing: Showing | undefined): boolean {
  return showing !== undefined && OF_VOLUMES.has(showing.kind);
}

export interface Showing {
  readonly kind: ViewKind;
  /** Of any study: priors stand beside what is read. */
  readonly series: SeriesSummary;
  /** What its kind asks for beyond: a plane, a preset. */
  readonly options?: Readonly<Record<string, string | number | boolean>>;
}

export function isSameShowing(one: Showing | undefined, other: Showing | undefined): boolean {
  return (
    one?.kind === other?.kind &&
    one?.series.seriesInstanceUid === other?.series.seriesInstanceUid &&
    JSON.stringify(one?.options) === JSON.stringify(other?.options)
  );
}
