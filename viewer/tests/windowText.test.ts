import { expect, test } from "vitest";

import { windowText } from "@/ui/windowText";

test.each([
  [{ width: 400, center: 40.5 }, "W 400  L 41"],
  [{ width: 2, center: 1.75 }, "W 2  L 1.75"],
  [{ width: 1.003, center: 0.5015 }, "W 1.003  L 0.5015"],
  [{ width: 0.25, center: 0.125 }, "W 0.25  L 0.125"],
  [{ width: 0, center: 3 }, "W 0  L 3"],
  [{ width: 1.000095, center: 100 }, "W 1  L 100"], // a step, whose ends differ for the card alone
])("a window is told with the decimals that matter", (window, written) => {
  expect(windowText(window, {})).toBe(written);
});
