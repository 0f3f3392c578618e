/** Setting the window by dragging: steps in proportion to how wide it is, so that narrow ones can be set finely. */

import { WindowLevelTool, type Types } from "@cornerstonejs/tools";

import { dragged, type Ends } from "@/tools/presets";

const OF_A_FINGER = 0.5; // its strokes are longer than a mouse's, for what they cover

interface Dragged extends Ends {
  /** CSS pixels to the right and down. */
  readonly deltaPointsCanvas: readonly number[];
}

export function draggedWindow({ deltaPointsCanvas: [right = 0, down = 0], ...ends }: Dragged): Ends {
  return dragged(ends, right, down);
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
