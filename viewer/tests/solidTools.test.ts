import { expect, test } from "vitest";

import { MOUSE_PRESETS, mouse } from "@/tools/mouse";
import type { ToolName } from "@/tools/palette";
import { tuned } from "@/viewport/appearances";
import { solidBindings } from "@/viewport/solidTools";

const [LEFT, RIGHT, MIDDLE] = [1, 2, 4];

/** Which tool each button holds. */
function held(tool: ToolName): Readonly<Record<number, string>> {
  return Object.fromEntries([...solidBindings(tool)].flatMap(([name, all]) => all.flatMap(({ mouseButton }) => (mouseButton === undefined ? [] : [[mouseButton, name]]))));
}

test("buttons do with a rendering what they do with an image", () => {
  mouse.value = MOUSE_PRESETS.zoomRight;
  expect(held("window")).toMatchObject({ [LEFT]: "TrackballRotate", [MIDDLE]: "Pan", [RIGHT]: "DragZoom" });
  mouse.value = MOUSE_PRESETS.windowRight;
  expect(held("scroll")).toMatchObject({ [LEFT]: "TrackballRotate", [MIDDLE]: "Pan", [RIGHT]: "Tune" });
  mouse.value = MOUSE_PRESETS.zoomWheel;
  expect(held("pan")).toMatchObject({ [LEFT]: "Pan", [MIDDLE]: "Pan", [RIGHT]: "TrackballRotate" });
  mouse.value = { ...MOUSE_PRESETS.zoomRight, middle: "tool" };
  expect(held("zoom")).toMatchObject({ [LEFT]: "DragZoom", [MIDDLE]: "DragZoom" });
});

test("an appearance is moved and widened about its middle", () => {
  const place = tuned([200, 350, 800], { shift: 0.1, stretch: 2 });
  expect([200, 500, 800].map(place)).toEqual([-40, 560, 1160]);
});
