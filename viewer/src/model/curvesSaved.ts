/** The curves of a study as a report has them: which are saved, which only come back with their images, which cannot be saved. */

import type { Measured } from "@/dicomweb/measured";
import type { CurvedPath } from "@/model/curvedPath";
import type { LaidCurves } from "@/model/laidCurves";
import type { SeenImages } from "@/model/seenImages";

/** The study's images, as far as curves ask for them. */
interface Images {
  /** The series that the study has. */
  readonly listed: ReadonlySet<string>;
  /** Whether a curve is one of the study's although its series is there no more. */
  wasHere(curve: CurvedPath): boolean;
  readonly seen: Pick<SeenImages, "framesOf" | "gone" | "isGone" | "isAbsent">;
}

interface Curves {
  readonly measured: readonly Measured[];
  readonly gone: readonly Measured[];
  /** How many cannot be saved. */
  readonly nowhere: number;
  readonly elsewhere: number;
}

export function curvesOf(curves: LaidCurves, { listed, wasHere, seen }: Images): Curves {
  const [measured, gone]: [Measured[], Measured[]] = [[], []];
  let [nowhere, elsewhere] = [0, 0];
  for (const curve of curves.laid.peek()) {
    const { seriesInstanceUid } = curve;
    const isListed = listed.has(seriesInstanceUid);
    if (!isListed && !wasHere(curve)) {
      if (!curves.isKept(curve)) elsewhere += 1;
      continue;
    }
    const frames = isListed ? seen.framesOf(seriesInstanceUid) : seen.gone.filter((frame) => frame.seriesInstanceUid === seriesInstanceUid);
    const one = curves.measured(curve, frames, (image) => isListed && seen.isGone(image));
    if (!one) nowhere += 1;
    else (isListed && !seen.isAbsent(one.sopInstanceUid) ? measured : gone).push(one);
  }
  return { measured, gone, nowhere, elsewhere };
}
