/** A mammogram stands with its chest wall at the edge of its viewport. */

import type { Types } from "@cornerstonejs/core";

import { chestWallOf } from "@/dicomweb/chestWall";
import { number, Tag, type Dataset } from "@/dicomweb/json";

/** How far to the right of the middle its image belongs, CSS pixels; 0 for other images, and for one that is turned upright. */
export function besideTheMiddle(viewport: Types.IStackViewport, dataset: Dataset | undefined): number {
  const wall = dataset && chestWallOf(dataset);
  const image = viewport.getImageData()?.imageData as { indexToWorld(index: Types.Point3): Types.Point3 } | undefined;
  if (!wall || !image) return 0;
  const columns = number(dataset, Tag.Columns) ?? 1;
  const [first, last] = [-0.5, columns - 0.5].map((column) => viewport.worldToCanvas(image.indexToWorld([column, 0, 0]))[0]);
  if (first === undefined || last === undefined || Math.abs(last - first) < 1) return 0;
  const [moved] = viewport.getPan();
  const [at, other] = wall === "right" ? [last, first] : [first, last];
  return (at > other ? viewport.element.clientWidth - at : -at) + moved;
}
