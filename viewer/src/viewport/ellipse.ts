/** An ellipse is drawn from corner to corner of what it lies in, as on other workstations; with Ctrl from its centre. */

import { getEnabledElement, type Types } from "@cornerstonejs/core";
import { EllipticalROITool } from "@cornerstonejs/tools";

type Drag = Parameters<EllipticalROITool["_dragDrawCallback"]>[0];

/** What the tool keeps while one is drawn. */
interface Drawn {
  centerWorld?: Types.Point3;
  /** Where it was begun. */
  corner?: Types.Point3;
}

/** Cornerstone's draws around `centerWorld` as far as the pointer is from it: here that is half way to the pointer. */
export class EllipseTool extends EllipticalROITool {
  constructor(...made: ConstructorParameters<typeof EllipticalROITool>) {
    super(...made);
    const drawAround = this["_dragDrawCallback"];
    this["_dragDrawCallback"] = (event) => {
      this.centre(event.detail);
      drawAround(event);
    };
  }

  private centre({ element, currentPoints, event }: Pick<Drag["detail"], "element" | "currentPoints" | "event">): void {
    const drawn = this.editData as Drawn | null;
    const viewport = getEnabledElement(element)?.viewport;
    if (!viewport || !drawn?.centerWorld) return;
    const corner = (drawn.corner ??= drawn.centerWorld);
    const fromCentre = event instanceof MouseEvent && event.ctrlKey;
    drawn.centerWorld = fromCentre ? corner : viewport.canvasToWorld(middle(viewport.worldToCanvas(corner), currentPoints.canvas));
  }
}

function middle([fromX, fromY]: Types.Point2, [toX, toY]: Types.Point2): Types.Point2 {
  return [(fromX + toX) / 2, (fromY + toY) / 2];
}
