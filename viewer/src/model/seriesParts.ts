/** What of a series is looked at by itself: its clips and stills, and what can be read though it lies among images. */

import type { SeriesSummary } from "@/dicomweb/client";
import type { Frame, SeriesContent } from "@/dicomweb/frames";
import { Tag, text, type Dataset } from "@/dicomweb/json";
import { isSegmentation } from "@/dicomweb/segmentation";
import { whenLoaded } from "@/model/openImage";
import type { Pane } from "@/model/pane";
import { planeOf } from "@/model/planes";
import type { Workspace } from "@/model/workspace";

/** An object of a series of several, some of them moving; slices are none. */
export interface Clip {
  readonly sopInstanceUid: string;
  readonly frames: number;
  /** Of the moving ones, from 1; undefined for a still. */
  readonly number: number | undefined;
}

export function clipsOf(frames: readonly Frame[]): readonly Clip[] {
  const firsts = frames.filter(({ frameNumber }) => frameNumber === 1);
  if (firsts.length < 2 || !firsts.some(({ numberOfFrames }) => numberOfFrames > 1) || firsts.some(planeOf)) return [];
  let number = 0;
  return firsts.map(({ sopInstanceUid, numberOfFrames }) => ({ sopInstanceUid, frames: numberOfFrames, number: numberOfFrames > 1 ? (number += 1) : undefined }));
}

const STORAGE = "1.2.840.10008.5.1.4.1.1";
/** Waveforms, display states, reports and key objects, encapsulated documents (PS3.4 B.5). */
const READABLE = ["9", "11", "88", "104"].map((beginning) => `${STORAGE}.${beginning}.`);

/** Whether objects of a SOP class are opened as a document. */
export function isReadable(sopClassUid: string): boolean {
  return READABLE.some((beginning) => sopClassUid.startsWith(beginning));
}

/** Segmentations, label maps and structure sets (PS3.4 B.5). */
const LAID_OVER = new Set(["66.4", "66.7", "481.3"].map((end) => `${STORAGE}.${end}`));

/** Whether objects of a SOP class are laid over images. */
export function isLaidOver(sopClassUid: string): boolean {
  return LAID_OVER.has(sopClassUid);
}

/** The objects among the images of a series that are laid over images. */
export function laidOverAmong({ frames, slides, others, marked }: SeriesContent): readonly Dataset[] {
  const [first] = frames;
  if (slides.length === 0 && (!first || isSegmentation(first.dataset))) return [];
  const segmentations = marked.filter(({ frameNumber }) => frameNumber === 1).map(({ dataset }) => dataset);
  return [...segmentations, ...others.filter((dataset) => isLaidOver(text(dataset, Tag.SOPClassUID)))];
}

/** What can be read among the images of a series. */
export function readableAmong({ frames, slides, others }: SeriesContent): readonly Dataset[] {
  return frames.length + slides.length > 0 ? others.filter((dataset) => isReadable(text(dataset, Tag.SOPClassUID))) : [];
}

/** Show one object of a series: the document that it is, else its first image. */
export function openPart(workspace: Workspace, series: SeriesSummary, sopInstanceUid: string, pane: Pane | undefined = workspace.beside.placeFor(series)): void {
  const load = workspace.study.library.of(series);
  if (readableAmong(load.content.peek()).some((dataset) => text(dataset, Tag.SOPInstanceUID) === sopInstanceUid)) {
    workspace.show({ kind: "document", series, options: { object: sopInstanceUid } }, pane);
    return;
  }
  workspace.showSeries(series, pane);
  const shown = workspace.active.peek();
  whenLoaded(shown, series, () => shown.goToObject(sopInstanceUid));
}
