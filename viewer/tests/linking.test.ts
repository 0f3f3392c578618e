import { effect, signal } from "@preact/signals";
import { describe, expect, it } from "vitest";

import type { Frame } from "@/dicomweb/frames";
import { Linking, naturalOffset } from "@/model/linking";
import type { Pane } from "@/model/pane";
import { besideOf, comparisonLink, parseRoute } from "@/model/route";

function stack(space: string, ...positions: number[]): Frame[] {
  return positions.map((z, index) => ({
    studyInstanceUid: "1",
    seriesInstanceUid: space,
    sopInstanceUid: `${space}.${index}`,
    frameNumber: 1,
    instanceNumber: index,
    numberOfFrames: 1,
    dataset: {
      "00200037": { vr: "DS", Value: [1, 0, 0, 0, 1, 0] },
      "00200032": { vr: "DS", Value: [0, 0, z] },
      "00200052": { vr: "UI", Value: [space] },
      "00280030": { vr: "DS", Value: [1, 1] },
    },
  }));
}

function pane(frames: readonly Frame[]): Pane {
  const imageIndex = signal(0);
  return {
    content: signal({ frames, others: [], slides: [], marked: [] }),
    frame: {
      get value() {
        return frames[imageIndex.value];
      },
      peek: () => frames[imageIndex.peek()],
    },
    imageIndex,
    showing: signal({ kind: "stack", series: { seriesInstanceUid: frames[0]?.seriesInstanceUid } }),
    goTo: (index: number) => {
      imageIndex.value = index;
    },
  } as unknown as Pane;
}

function desk(...stacks: readonly (readonly Frame[])[]) {
  const panes = signal<readonly Pane[]>(stacks.map(pane));
  const active = signal(panes.value[0] as Pane);
  const linked = signal(false);
  return { panes, active, switches: { linked }, linking: new Linking({ panes, active, switches: { linked } }) };
}

const at = ({ panes }: ReturnType<typeof desk>): number[] => panes.value.map(({ imageIndex }) => imageIndex.value);

describe("stacks that are put together by their positions", () => {
  it("show the same place although their spaces differ, without an offset", () => {
    const one = desk(stack("a", 0, 5, 10, 15, 20), stack("b", 20, 15, 10, 5, 0));
    one.linking.byPosition();
    expect(at(one)).toEqual([0, 4]);
    one.panes.value[0]?.goTo(3);
    expect(at(one)).toEqual([3, 1]);
    expect(one.linking.offset(one.panes.value[1] as Pane)).toBe(0);
  });

  it("go from middle to middle where they have nothing in common, and say how far apart they are", () => {
    expect(naturalOffset(stack("a", 0, 10, 20), stack("b", 1000, 1010, 1020), [0, 0, 1])).toBe(1000);
    const one = desk(stack("a", 0, 10, 20), stack("b", 1000, 1010, 1020));
    one.panes.value[0]?.goTo(2);
    one.linking.byPosition();
    expect(at(one)).toEqual([2, 2]);
    expect(one.linking.offset(one.panes.value[1] as Pane)).toBe(1000);
  });

  it("keep what the reader put beside each other when linked by hand, and tell the offset", () => {
    const one = desk(stack("a", 0, 5, 10, 15), stack("b", 0, 5, 10, 15));
    one.panes.value[1]?.goTo(1);
    one.switches.linked.value = true;
    one.panes.value[0]?.goTo(2);
    expect(at(one)).toEqual([2, 3]);
    const told: (number | undefined)[] = [];
    effect(() => void told.push(one.linking.offset(one.panes.value[1] as Pane)));
    expect(told).toEqual([5]);
    one.switches.linked.value = false;
    expect(told).toEqual([5, undefined]);
  });

  it("stay where they are when another is taken in hand, and go along as soon as that is scrolled", () => {
    const one = desk(stack("a", 0, 1, 2, 3, 4, 5, 6), stack("a", 0, 3, 6));
    one.switches.linked.value = true;
    one.panes.value[0]?.goTo(4);
    expect(at(one)).toEqual([4, 1]);
    one.active.value = one.panes.value[1] as Pane;
    expect(at(one), "the image nearest to it is another").toEqual([4, 1]);
    one.panes.value[1]?.goTo(2);
    expect(at(one)).toEqual([6, 2]);
  });

  it("have no offset in one space", () => {
    const one = desk(stack("a", 0, 5, 10), stack("a", 0, 5, 10));
    one.panes.value[1]?.goTo(2);
    one.linking.byPosition();
    expect(at(one)).toEqual([0, 0]);
    expect(one.linking.offset(one.panes.value[1] as Pane)).toBeUndefined();
    expect(one.linking.hasCompany(one.panes.value[1] as Pane)).toBe(true);
  });
});

describe("the address of a comparison", () => {
  it("names both studies, and opens the first", () => {
    const link = comparisonLink("1.2", "1.3");
    expect(parseRoute(link)).toEqual({ screen: "study", studyInstanceUid: "1.2" });
    expect(besideOf(link)).toBe("1.3");
    expect(besideOf(comparisonLink("1.2", ""))).toBe("");
    expect(besideOf("#/study/1.2?beside=x")).toBe("");
  });
});
