/** The forms of one image: as stored, decoded by the node, less its masks, as the node's picture. */

import type { Types } from "@cornerstonejs/core";

import { isOneImage } from "@/viewport/metadata";

/** Cornerstone knows images by their names: what was drawn on one form of an image lies on the others too. */
export function showOnEveryForm(viewport: Types.IStackViewport): void {
  const known = viewport.isReferenceViewable.bind(viewport);
  viewport.isReferenceViewable = (reference, options) => known(reference, options) || isOneImage(reference?.referencedImageId, viewport.getCurrentImageId());
}
