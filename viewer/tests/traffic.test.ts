import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { onItsWay, untilIdle } from "@/dicomweb/traffic";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

it("what can wait goes when nothing has been on its way for a second", async () => {
  const [one, other] = [onItsWay(), onItsWay()];
  const idle = vi.fn<() => void>();
  void untilIdle().then(idle);
  await vi.advanceTimersByTimeAsync(30_000);
  one();
  one(); // said twice, ended once
  await vi.advanceTimersByTimeAsync(5000);
  expect(idle).not.toHaveBeenCalled();
  other();
  await vi.advanceTimersByTimeAsync(900);
  const late = onItsWay();
  await vi.advanceTimersByTimeAsync(3000);
  late();
  expect(idle).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(2000);
  expect(idle).toHaveBeenCalledOnce();
});
