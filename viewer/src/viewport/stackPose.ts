/** How the image of a stack lies in its viewport: turned, mirrored, and which part of it. */

import type { Types } from "@cornerstonejs/core";

import type { Area } from "@/dicomweb/presentation";
import type { View } from "@/viewport/contract";

export const QUARTER = 90; // degrees
export const WHOLE_WITHIN = 0.01; // of the zoom

type Pair = readonly [number, number];

export class StackPose {
  constructor(
    private readonly element: HTMLDivElement,
    private readonly viewport: Types.IStackViewport,
  ) {}

  /** Where a column and a row stand on the canvas; (0, 0) is the corner of the first pixel. */
  toCanvas([column, row]: Pair): Pair | undefined {
    const image = this.viewport.getImageData()?.imageData as { indexToWorld(index: Types.Point3): Types.Point3 } | undefined;
    return image && this.viewport.worldToCanvas(image.indexToWorld([column - 0.5, row - 0.5, 0]));
  }

  /** What of the image the viewport shows. */
  area(): Area | undefined {
    const image = this.viewport.getImageData()?.imageData as { worldToIndex(world: Types.Point3): Types.Point3 } | undefined;
    const { clientWidth, clientHeight } = this.element;
    const corners = ([[0, 0], [clientWidth, clientHeight]] as Types.Point2[]).map((at) => image?.worldToIndex(this.viewport.canvasToWorld(at))); // prettier-ignore
    const [from, to] = corners;
    return from && to && { left: from[0] + 0.5, top: from[1] + 0.5, right: to[0] + 0.5, bottom: to[1] + 0.5 };
  }

  /** Turned clockwise, then mirrored: tried until the screen's directions are the wanted ones. */
  turnTo(rotation: number, flipped: boolean): void {
    const [cosine, sine] = [Math.round(Math.cos((rotation * Math.PI) / 180)), Math.round(Math.sin((rotation * Math.PI) / 180))];
    const side = flipped ? -1 : 1;
    const wanted = [side * cosine, -side * sine, sine, cosine];
    this.viewport.setCamera({ flipHorizontal: flipped, flipVertical: false });
    for (let turn = 0; turn < 4 * QUARTER; turn += QUARTER) {
      this.viewport.setViewPresentation({ rotation: turn });
      if (this.told().turned?.every((share, index) => Math.abs(share - (wanted[index] ?? 0)) < WHOLE_WITHIN)) return;
    }
  }

  /** As large as the viewport has room for this part, in its middle. */
  fitTo({ left, top, right, bottom }: Area): void {
    const box = (): readonly [number, number, number, number] | undefined => {
      const [a, b] = [this.toCanvas([left, top]), this.toCanvas([right, bottom])];
      return a && b && [Math.abs(b[0] - a[0]), Math.abs(b[1] - a[1]), (a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
    };
    const { clientWidth, clientHeight } = this.element;
    const before = box();
    if (!before || before[0] < 1 || before[1] < 1) return;
    this.viewport.setZoom(this.viewport.getZoom() * Math.min(clientWidth / before[0], clientHeight / before[1]));
    const after = box();
    const [right_, down] = this.viewport.getPan();
    if (after) this.viewport.setPan([right_ + clientWidth / 2 - after[2], down + clientHeight / 2 - after[3]]);
  }

  /** Where right and down on the screen look to in the image, and what has to change for it to lie otherwise. */
  told(): Pick<View, "turned" | "placed"> {
    const data = this.viewport.getImageData();
    if (!data) return {};
    const [origin, right, down] = ([[0, 0], [100, 0], [0, 100]] as Types.Point2[]).map((at) => this.viewport.canvasToWorld(at)); // prettier-ignore
    if (!origin || !right || !down) return {};
    const { direction } = data;
    const share = (to: Types.Point3, axis: number): number => {
      const [x, y, z] = [to[0] - origin[0], to[1] - origin[1], to[2] - origin[2]];
      const length = Math.hypot(x, y, z) || 1;
      return (x * (direction[axis] ?? 0) + y * (direction[axis + 1] ?? 0) + z * (direction[axis + 2] ?? 0)) / length;
    };
    return {
      turned: [share(right, 0), share(right, 3), share(down, 0), share(down, 3)],
      placed: [...origin, ...right, ...down].map((value) => value.toFixed(2)).join(" "),
    };
  }
}
