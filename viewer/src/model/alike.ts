/** Which picture of an earlier examination shows what one of today's does, and how they stand beside each other. */

import type { SeriesSummary } from "@/dicomweb/client";
import {
  BONE,
  CORONAL,
  CRANIO_CAUDAL,
  DIFFUSION,
  FLAIR,
  FRONTAL,
  LATERAL,
  LUNG,
  OBLIQUE,
  pictureOf,
  picturesOf,
  SAGITTAL,
  said,
  T1,
  T2,
  type FramesOf,
  type Picture,
} from "@/model/hanging";
import { layout, type Layout } from "@/model/layout";
import type { Pane } from "@/model/pane";
import { sharedWords } from "@/model/priors";

const VIEWS = [FRONTAL, LATERAL, CRANIO_CAUDAL, OBLIQUE];
const LOOKS = [LUNG, BONE, CORONAL, SAGITTAL, FLAIR, DIFFUSION, T1, T2];
const PAIRS_MOST = 4;

/** Both are radiographs, whatever took them. */
export function kindOf(modality: string): string {
  return modality === "CR" ? "DX" : modality;
}

export function isPlanar(modality: string | undefined): boolean {
  return modality === "CR" || modality === "DX" || modality === "MG";
}

/** What stands in a viewport. */
export function standingIn({ showing, imageIndex, frame }: Pane): Picture | undefined {
  const shown = showing.peek();
  return shown && pictureOf(shown.series, imageIndex.peek(), frame.peek()?.dataset);
}

/** How much alike two pictures of one patient are; undefined: one shows another side, or from elsewhere. */
export function likeness(one: Picture, other: Picture): number | undefined {
  if (kindOf(one.series.modality) !== kindOf(other.series.modality)) return undefined;
  const sides = [one, other].map(({ laterality }) => (laterality === "L" || laterality === "R" ? laterality : ""));
  if (sides[0] !== sides[1] && !sides.includes("")) return undefined;
  const [view, its] = isPlanar(one.series.modality) ? [viewOf(one), viewOf(other)] : [-1, -1];
  if (view !== its && view >= 0 && its >= 0) return undefined;
  const looks = LOOKS.filter((look) => look.test(said(one.series)) !== look.test(said(other.series))).length;
  const sizes = [one, other].map(({ series }) => series.numberOfInstances);
  return (
    (sides[0] === sides[1] ? 100 : 0) +
    (view === its ? 100 : 0) +
    (one.view === other.view ? 10 : 0) +
    (one.series.bodyPart === other.series.bodyPart ? 20 : 0) -
    10 * looks +
    3 * sharedWords(one.series.description, other.series.description) +
    Math.min(...sizes) / Math.max(1, ...sizes)
  );
}

function viewOf({ view }: Picture): number {
  return VIEWS.findIndex((one) => one.test(view));
}

/** The one of `others` that is most like it; undefined where none is. */
export function mostAlike<Other extends Picture>(one: Picture, others: readonly Other[]): Other | undefined {
  let best: { readonly other: Other; readonly score: number } | undefined;
  for (const other of others) {
    const score = likeness(one, other);
    if (score !== undefined && (!best || score > best.score)) best = { other, score };
  }
  return best?.other;
}

/** What may hang of an earlier study beside these pictures: its radiographs one by one, else its series. */
export function earlierPictures(now: readonly Picture[], series: readonly SeriesSummary[], framesOf: FramesOf): readonly Picture[] {
  const kinds = new Set(now.map((picture) => kindOf(picture.series.modality)));
  const modalities = [...new Set(series.map(({ modality }) => modality))].filter((modality) => kinds.has(kindOf(modality)));
  return modalities.flatMap((modality) =>
    picturesOf({ modalities: [modality], places: [], ...(isPlanar(modality) && { singly: true as const }) }, series, framesOf),
  );
}

/** Every picture with the one of the earlier study on its right; undefined where nothing of it is alike, or too much stands there. */
export function besideEach(
  now: readonly Picture[],
  earlier: readonly Picture[],
): { readonly layout: Layout; readonly pictures: readonly (Picture | undefined)[] } | undefined {
  const scored = now.flatMap((picture) => earlier.map((other) => ({ picture, other, score: likeness(picture, other) ?? -Infinity })));
  const pairs = new Map<Picture, Picture>();
  const taken = new Set<Picture>();
  for (const { picture, other, score } of scored.toSorted((one, another) => another.score - one.score)) {
    if (score === -Infinity || pairs.has(picture) || taken.has(other)) continue;
    pairs.set(picture, other);
    taken.add(other);
  }
  if (pairs.size === 0 || now.length > PAIRS_MOST) return undefined;
  const pictures = now.flatMap((picture) => [picture, pairs.get(picture)]);
  return { layout: layout(now.length > 1 ? 2 : 1, now.length > 2 ? 4 : 2), pictures };
}
