import { describe, expect, it } from "vitest";

import { pinchOf } from "@/viewport/pinch";

describe("two fingers", () => {
  it("enlarge as they part, about the place between them", () => {
    expect(pinchOf([[100, 100], [140, 130]], [[80, 85], [160, 145]])).toEqual({ factor: 2, at: [120, 115], moved: [0, 0] }); // prettier-ignore
  });

  it("move what they hold where they go together", () => {
    expect(pinchOf([[0, 0], [30, 40]], [[10, -5], [40, 35]])).toEqual({ factor: 1, at: [15, 20], moved: [10, -5] }); // prettier-ignore
  });

  it.each([
    ["one finger alone", [[0, 0]], [[5, 5]]],
    ["a finger that came", [[0, 0]], [[0, 0], [9, 9]]],
    ["a finger that went", [[0, 0], [9, 9]], [[0, 0]]],
  ] as const)("%s is no pinch", (_which, before, now) => {
    expect(pinchOf(before, now)).toBeUndefined();
  });

  it("on one place enlarge nothing", () => {
    expect(pinchOf([[5, 5], [5, 5]], [[0, 0], [10, 0]])?.factor).toBe(1); // prettier-ignore
  });
});
