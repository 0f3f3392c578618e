/** The curves of a study as a report has them: which are saved, which only come back with their images, which cannot be saved. */

import type { Frame } from "@/dicomweb/frames";
import type { Measured } from "@/dicomweb/measured";
import type { CurvedPath } from "@/model/curvedPath";
import type { LaidCurves } from "@/model/laidCurves";

type Image = Pick<Measured, "sopInstanceUid" | "frameNumber">;

/** The study's images, as far as curves ask for them. */
interface Images {
  /** The series that the study has. */
  readonly listed: ReadonlySet<string>;
  /** Whether a curve is one of the study's although its series is there no more. */
  wasHere(curve: CurvedPath): boolean;
  framesOf(seriesInstanceUid: string): readonly Frame[];
  /** Those that were here and are no longer. */
  readonly gone: readonly Frame[];
  isGone(image: Image): boolean;
  isAbsent(sopInstanceUid: string): boolean;
}

interface Curves {
  readonly measured: readonly Measured[];
  readonly gone: readonly Measured[];
  /** How many cannot be saved. */
  readonly nowhere: number;
  readonly elsewhere: number;
}

export function curvesOf(curves: LaidCurves, images: Images): Curves {
  const [measured, gone]: [Measured[], Measured[]] = [[], []];
  let [nowhere, elsewhere] = [0, 0];
  for (const curve of curves.laid.peek()) {
    const { seriesInstanceUid } = curve;
    const isListed = images.listed.has(seriesInstanceUid);
    if (!isListed && !images.wasHere(curve)) {
      if (!curves.isKept(curve)) elsewhere += 1;
      continue;
    }
    const frames = isListed ? images.framesOf(seriesInstanceUid) : images.gone.filter((frame) => frame.seriesInstanceUid === seriesInstanceUid);
    const one = curves.measured(curve, frames, (image) => isListed && images.isGone(image));
    if (!one) nowhere += 1;
    else (isListed && !images.isAbsent(one.sopInstanceUid) ? measured : gone).push(one);
  }
  return { measured, gone, nowhere, elsewhere };
}
