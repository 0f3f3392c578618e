import { describe, expect, it } from "vitest";

import { seriesContent } from "@/dicomweb/frames";
import type { Dataset, Element } from "@/dicomweb/json";
import { slidesOf, type Slide } from "@/dicomweb/slide";
import { areaOf, fitting, levelFor, magnification, moved, scaleBar, zoomed, type SlideView } from "@/model/slideView";

const element = (vr: string, ...Value: unknown[]): Element => ({ vr, Value });
const sequence = (...items: Dataset[]): Element => element("SQ", ...items);

function object(uid: string, width: number, height: number, frames: number, more: Dataset = {}): Dataset {
  return {
    "00080018": element("UI", uid),
    "00080008": element("CS", "ORIGINAL", "PRIMARY", "VOLUME", "NONE"),
    "00200052": element("UI", "9"),
    "00209311": element("CS", "TILED_FULL"),
    "00280008": element("IS", frames),
    "00280010": element("US", 100),
    "00280011": element("US", 100),
    "00480006": element("UL", width),
    "00480007": element("UL", height),
    "52009229": sequence({ "00289110": sequence({ "00280030": element("DS", 0.0005, 0.0005) }) }),
    "7FE00010": { vr: "OB", BulkDataURI: "x" },
    ...more,
  };
}

const part = (uid: string, from: number, count: number): Dataset =>
  object(uid, 250, 180, count, { "00209161": element("UI", "7"), "00209228": element("UL", from) });

const one = (...datasets: Dataset[]): Slide => {
  const [slide, ...others] = slidesOf(datasets);
  if (!slide || others.length > 0) throw new Error(`${others.length + 1} slides`);
  return slide;
};
const tiles = (slide: Slide, area: readonly [number, number, number, number], plane = 0, path = 0): string[] =>
  (slide.levels[0]?.tilesIn(...area, plane, path) ?? []).map((tile) => `${tile.sopInstanceUid}#${tile.frameNumber}@${tile.x},${tile.y}`);

describe("a whole slide", () => {
  it("is a pyramid of objects of one shape; label and overview stand aside", () => {
    const label = object("4", 300, 300, 1, { "00080008": element("CS", "ORIGINAL", "PRIMARY", "LABEL", "NONE") });
    const slide = one(object("2", 250, 150, 6), label, object("1", 1000, 600, 60), object("3", 62, 37, 1));
    expect(slide.levels.map(({ width }) => width)).toEqual([1000, 250, 62]);
    expect(slide.aside.map((dataset) => dataset["00080018"]?.Value?.[0])).toEqual(["4"]);
    expect(slide.spacing).toBe(0.0005);
    expect(slidesOf([object("1", 1000, 600, 60), object("2", 1000, 600, 60)])).toHaveLength(2);
    expect(slidesOf([label])).toHaveLength(1);
  });

  it("that is full has its tiles row by row, plane by plane, path by path", () => {
    const paths = sequence({ "00480106": element("SH", "1") }, { "00480106": element("SH", "2"), "00480107": element("ST", "DAPI") });
    const slide = one(object("1", 250, 180, 24, { "00480303": element("UL", 2), "00480105": paths }));
    expect([slide.planes, slide.paths]).toEqual([2, ["1", "DAPI"]]);
    expect(tiles(slide, [0, 0, 250, 180])).toEqual(["1#1@0,0", "1#2@100,0", "1#3@200,0", "1#4@0,100", "1#5@100,100", "1#6@200,100"]);
    expect(tiles(slide, [120, 110, 130, 120])).toEqual(["1#5@100,100"]);
    expect(tiles(slide, [120, 110, 130, 120], 1)).toEqual(["1#11@100,100"]);
    expect(tiles(slide, [120, 110, 130, 120], 1, 1)).toEqual(["1#23@100,100"]);
  });

  it("that is a concatenation goes on in the next object", () => {
    const slide = one(part("1", 0, 4), part("2", 4, 2));
    expect(slide.levels).toHaveLength(1);
    expect(tiles(slide, [0, 100, 250, 180])).toEqual(["1#4@0,100", "2#1@100,100", "2#2@200,100"]);
  });

  it("that is sparse has its tiles where they say, on a grid or not", () => {
    const at = (x: number, y: number, z = 0): Dataset => ({
      "0048021A": sequence({ "0048021E": element("SL", x + 1), "0048021F": element("SL", y + 1), "0040074A": element("DS", z) }),
    });
    const frames = sequence(at(0, 0), at(150, 30), at(150, 30, 2));
    const slide = one(object("1", 400, 300, 3, { "00209311": element("CS", "TILED_SPARSE"), "52009230": frames }));
    expect(tiles(slide, [0, 0, 400, 300])).toEqual(["1#1@0,0", "1#2@150,30"]);
    expect(tiles(slide, [0, 0, 400, 300], 1)).toEqual(["1#3@150,30"]);
    expect(tiles(slide, [240, 120, 260, 140])).toEqual(["1#2@150,30"]);
    expect(tiles(slide, [300, 200, 400, 300])).toEqual([]);
  });

  it("with many tiles is no stack of images", () => {
    const large = seriesContent("1", "2", [object("1", 10000, 6000, 6000)]);
    expect([large.frames.length, large.others.length, large.slides.length]).toEqual([0, 0, 1]);
    const small = seriesContent("1", "2", [object("1", 250, 180, 6)]);
    expect([small.frames.length, small.slides.length]).toEqual([6, 1]);
  });
});

/** The pixel under a point of a screen of 800 by 600. */
function under(view: SlideView, [x, y]: readonly [number, number]): number[] {
  return [view.x + (x - 400) / view.scale, view.y + (y - 300) / view.scale];
}

describe("a view of a slide", () => {
  const slide = one(object("1", 8000, 6000, 4800), object("2", 2000, 1500, 300), object("3", 500, 375, 20));
  const size = [800, 600] as const;

  it("begins with all of it and takes the level that is fine enough", () => {
    const whole = fitting(slide, size);
    expect(whole.scale).toBeCloseTo(0.096, 6);
    expect(levelFor(slide, whole, 1).width).toBe(2000);
    expect(levelFor(slide, { ...whole, scale: 0.05 }, 1).width).toBe(500);
    expect(levelFor(slide, { ...whole, scale: 0.05 }, 2).width).toBe(2000);
    expect(levelFor(slide, { ...whole, scale: 4 }, 2).width).toBe(8000);
  });

  it("is enlarged about the point under the finger", () => {
    const before = fitting(slide, size);
    const after = zoomed(slide, before, size, 3, [200, 450]);
    expect(after.scale).toBeCloseTo(before.scale * 3, 9);
    for (const [axis, value] of under(after, [200, 450]).entries()) expect(value).toBeCloseTo(under(before, [200, 450])[axis] ?? 0, 6);
  });

  it("is no smaller than all of it with some room, in the middle, and no larger than its pixels can bear", () => {
    const whole = fitting(slide, size);
    let view: SlideView = { x: 8000, y: 0, scale: 1 };
    for (let turn = 0; turn < 50; turn += 1) view = zoomed(slide, view, size, 1 / 1.5, [800, 0]);
    expect(view).toEqual({ x: whole.x, y: whole.y, scale: whole.scale * 0.75 });
    for (let turn = 0; turn < 50; turn += 1) view = zoomed(slide, view, size, 1.5, [400, 300]);
    expect(view.scale).toBe(16);
    const tiny = one(object("1", 50, 50, 1));
    expect(zoomed(tiny, fitting(tiny, size), size, 1e6, [400, 300]).scale).toBe(2 * fitting(tiny, size).scale);
    expect(zoomed(tiny, fitting(tiny, size), size, 1e-6, [400, 300])).toEqual({ x: 25, y: 25, scale: 0.75 * fitting(tiny, size).scale });
  });

  it("never loses the slide", () => {
    const far = moved(slide, { x: 100, y: 100, scale: 1 }, [5000, -90000]);
    expect([far.x, far.y]).toEqual([0, 6000]);
    const level = levelFor(slide, { x: 0, y: 0, scale: 0.2 }, 1);
    expect([level.width, ...areaOf(slide, { x: 0, y: 0, scale: 1 }, level, size)]).toEqual([2000, 0, 0, 100, 75]);
  });

  it("says how large it is", () => {
    expect(magnification(slide, { x: 0, y: 0, scale: 1 })).toBe(20);
    expect(scaleBar(slide, { x: 0, y: 0, scale: 1 })).toEqual({ mm: 0.05, px: 100 });
    const unknown = one(object("1", 250, 180, 6, { "52009229": sequence({}) }));
    expect([scaleBar(unknown, { x: 0, y: 0, scale: 1 }), magnification(unknown, { x: 0, y: 0, scale: 1 })]).toEqual([undefined, undefined]);
  });
});
