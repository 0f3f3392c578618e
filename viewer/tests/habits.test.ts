import { describe, expect, it, vi } from "vitest";

import { oneTimePassword } from "@/model/accounts";
import { cineFrom, rateOf } from "@/model/cine";
import { MOUSE_PRESETS, mouse, mouseFrom, presetOf } from "@/tools/mouse";
import { DicomWeb } from "@/dicomweb/client";
import { RestingFinger, RightPress } from "@/model/contextPlace";
import { Http } from "@/dicomweb/http";
import { OpenStudy } from "@/model/study";
import { Workspace } from "@/model/workspace";
import { Likings } from "./kept";

const at = (clientX: number, button = 2, pointerType = "mouse") => ({ clientX, clientY: 0, button, pointerType });

describe("habits of the mouse", () => {
  it("are as usual where nothing sensible was kept", () => {
    for (const kept of [undefined, null, 3, "right", [], { right: "explode", wheel: 1 }]) expect(mouseFrom(kept)).toEqual(MOUSE_PRESETS.zoomRight);
    expect(mouseFrom({ right: "tool", left: "tool" })).toEqual({ ...MOUSE_PRESETS.zoomRight, right: "tool" }); // the left button always is
  });

  it("are known as a preset, or as somebody's own", () => {
    expect(presetOf(mouseFrom({ ...MOUSE_PRESETS.windowRight }))).toBe("windowRight");
    expect(presetOf({ ...MOUSE_PRESETS.windowRight, wheel: "zoom" })).toBeUndefined();
  });

  it("put a tool into the hand, also when they come late, until one was chosen", () => {
    const desk = new Workspace(new OpenStudy(new DicomWeb(new Http(async () => new Response("[]"))), "1.2"), new Likings());
    expect(desk.tool.value).toBe("window");
    mouse.value = MOUSE_PRESETS.windowRight;
    expect(desk.tool.value).toBe("scroll");
    desk.press("length");
    mouse.value = MOUSE_PRESETS.zoomRight;
    expect(desk.tool.value).toBe("length");
    desk.close();
  });
});

describe("a press of the right button", () => {
  it.each([
    ["that stands still wants the menu", [at(0), at(3), at(3)], true],
    ["that dragged does not", [at(0), at(60), at(60)], false],
    ["that came back does not, either", [at(0), at(60), at(0)], false],
    ["of another button does not", [at(0, 0), at(0, 0), at(0, 0)], false],
    ["of a finger does not", [at(0, 2, "touch"), at(0, 2, "touch"), at(0, 2, "touch")], false],
  ] as const)("%s", (_which, [from, over, to], wanted) => {
    const press = new RightPress();
    press.down(from);
    press.moved(over);
    expect(press.up(to)).toBe(wanted);
  });
});

describe("a finger", () => {
  it.each([
    ["that rests wants the menu", (finger: RestingFinger) => finger.moved(104, 53, 20), true],
    ["that went on does not", (finger: RestingFinger) => finger.moved(100, 62, 20), false],
    ["that was lifted does not", (finger: RestingFinger) => finger.end(), false],
  ] as const)("%s", (_which, then, wanted) => {
    vi.useFakeTimers();
    const rested = vi.fn();
    const finger = new RestingFinger(rested, () => {});
    finger.down(100, 50, 0);
    then(finger);
    vi.advanceTimersByTime(2000);
    expect(rested.mock.calls).toEqual(wanted ? [[100, 50]] : []);
    vi.useRealTimers();
  });

  it.each([
    ["had moved in time is no menu's, though a busy page hears of it late", 60, 1],
    ["moves on after its rest leaves the menu", 900, 0],
  ])("that %s", (_which, at, times) => {
    vi.useFakeTimers();
    const hurried = vi.fn();
    const finger = new RestingFinger(() => {}, hurried);
    finger.down(100, 50, 0);
    vi.advanceTimersByTime(2000);
    finger.moved(200, 50, at);
    expect(hurried).toHaveBeenCalledTimes(times);
    vi.useRealTimers();
  });
});

describe("the speed of playing", () => {
  const timed = { "00181063": { vr: "DS", Value: [50] } };
  it.each([
    ["ten where nobody said anything", undefined, {}, 10],
    ["what the images ask for", { rate: 24 }, timed, 20],
    ["the habit where they ask for nothing", { rate: 24 }, {}, 24],
    ["always the habit where that is wished", { rate: 24, always: true }, timed, 24],
    ["no more than the screen can", { rate: 1000, always: true }, {}, 60],
  ])("is %s", (_which, kept, dataset, rate) => expect(rateOf(dataset, cineFrom(kept))).toBe(rate));
});

describe("a one-time password", () => {
  it("has 16 readable characters, each as likely as the others", () => {
    expect(oneTimePassword()).toMatch(/^([a-hjkmnp-z2-9]{4}-){3}[a-hjkmnp-z2-9]{4}$/);
    const bytes = [255, 248, 247, ...Array.from({ length: 29 }, (_, at) => at)]; // what would favour the first letters is thrown away
    expect(oneTimePassword((wanted) => wanted.map(() => bytes.shift() ?? 0))).toBe("9abc-defg-hjkm-npqr");
  });
});
