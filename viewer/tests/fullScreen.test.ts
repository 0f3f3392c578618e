import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { FullScreen } from "@/model/fullScreen";

const AWHILE_MS = 60_000;

/** The document, all of which is the image. */
class Stage extends EventTarget {
  closest(selector: string): Stage | null {
    return selector === ".stage" ? this : null;
  }
}

function move(clientY: number): void {
  document.dispatchEvent(Object.assign(new Event("pointermove"), { pointerType: "mouse", clientX: 0, clientY }));
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("Element", Stage);
  vi.stubGlobal("document", new Stage());
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("bars that the mouse brought stay beneath it, and go when it is over the image", () => {
  const fullScreen = new FullScreen(
    () => "window",
    () => false,
  );
  fullScreen.toggle();
  move(300);
  expect(fullScreen.bars.value).toBe(false);
  move(1);
  vi.advanceTimersByTime(AWHILE_MS);
  expect(fullScreen.bars.value).toBe(true);
  move(300);
  vi.advanceTimersByTime(AWHILE_MS);
  expect(fullScreen.bars.value).toBe(false);
});
