/** Setting the window by dragging: steps in proportion to how wide it is, so that narrow ones can be set finely. */

import { WindowLevelTool, type Types } from "@cornerstonejs/tools";

import type { Ends } from "@/tools/presets";

const STEP = 1 / 200; // of the width, a pixel of the way
const OF_A_FINGER = 0.5; // its strokes are longer than a mouse's, for what they cover

interface Dragged extends Ends {
  /** CSS pixels to the right and down. */
  readonly deltaPointsCanvas: readonly number[];
}

/** To the right wider, down to greater values; never narrower than one value, or than it was. */
export function draggedWindow({ lower, upper, deltaPointsCanvas: [right = 0, down = 0] }: Dragged): Ends {
  const width = upper - lower;
  const center = (lower + upper) / 2 + down * STEP * width;
  const half = Math.max(width * Math.exp(right * STEP), Math.min(width, 1)) / 2;
  return { lower: center - half, upper: center + half };
}

/** Of every modality alike; Cornerstone's own steps follow the values of the image. */
export class WindowDragTool extends WindowLevelTool {
  static override toolName = WindowLevelTool.toolName;

  override touchDragCallback(event: Types.EventTypes.InteractionEventType): void {
    const { detail } = event;
    const { canvas } = detail.deltaPoints;
    const gentler: Types.IPoints["canvas"] = [canvas[0] * OF_A_FINGER, canvas[1] * OF_A_FINGER];
    super.touchDragCallback({ ...event, detail: { ...detail, deltaPoints: { ...detail.deltaPoints, canvas: gentler } } });
  }

  override getNewRange(dragged: Dragged): Ends {
    return draggedWindow(dragged);
  }

  override getPTScaledNewRange(dragged: Dragged): Ends {
    return draggedWindow(dragged);
  }
}
