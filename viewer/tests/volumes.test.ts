import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";

import { DicomWeb, type SeriesSummary } from "@/dicomweb/client";
import { Http } from "@/dicomweb/http";
import { fusion, type Fusion } from "@/model/fusion";
import { OpenStudy } from "@/model/study";
import { arrange, moment } from "@/model/volumes";
import { Workspace } from "@/model/workspace";
import type { ViewControls } from "@/viewport/contract";
import { Likings } from "./kept";

const WIDE = 1440;
const COUNT = 40;

function series(number: number, modality: string): SeriesSummary {
  return { studyInstanceUid: "1.2", seriesInstanceUid: `1.2.${number}`, modality, description: "", bodyPart: "", seriesNumber: number, numberOfInstances: COUNT };
}

function image(of: SeriesSummary, index: number, apart: number): object {
  return {
    "00080018": { vr: "UI", Value: [`${of.seriesInstanceUid}.${index + 1}`] },
    "0020000E": { vr: "UI", Value: [of.seriesInstanceUid] },
    "00080060": { vr: "CS", Value: [of.modality] },
    "00200013": { vr: "IS", Value: [index + 1] },
    "00200052": { vr: "UI", Value: ["1.9"] },
    "00200032": { vr: "DS", Value: [0, 0, apart * index] },
    "00200037": { vr: "DS", Value: [1, 0, 0, 0, 1, 0] },
    "00280030": { vr: "DS", Value: [1, 1] },
    "00280010": { vr: "US", Value: [11] },
    "00280011": { vr: "US", Value: [11] },
    "7FE00010": { vr: "OW" },
  };
}

const CT = series(1, "CT");
const PET = series(2, "PT");
const APART = new Map([
  [CT, 2],
  [PET, 4],
]);

/** Of a series in time each place is there so many times. */
function inTime(moments: number, index: number): object {
  if (moments === 1) return {};
  return { "00080018": { vr: "UI", Value: [`1.2.5.${index + 1}`] }, "00200013": { vr: "IS", Value: [index + 1] }, "00200100": { vr: "IS", Value: [1 + (index % moments)] } };
}

/** A desk with CT and PET beside each other, loaded. */
async function desk(moments = 1): Promise<Workspace> {
  const http = new Http(async (address) => {
    const of = [CT, PET].find(({ seriesInstanceUid }) => String(address).includes(`/series/${seriesInstanceUid}/metadata`));
    return Response.json(of ? Array.from({ length: COUNT }, (_, index) => image(of, Math.floor(index / moments) * moments, APART.get(of) ?? 1)).map((one, index) => Object.assign(one, inTime(moments, index))) : []);
  });
  const study = new OpenStudy(new DicomWeb(http), "1.2");
  const made = new Workspace(study, new Likings());
  study.series.value = [CT, PET];
  made.setLayout(1, 2);
  made.showSeries(CT, made.panes.value[0]);
  made.showSeries(PET, made.panes.value[1]);
  for (let turn = 0; turn < 200 && made.panes.value.some(({ content }) => content.value.frames.length < COUNT); turn += 1) await new Promise((done) => setTimeout(done, 5));
  return made;
}

const shown = ({ panes }: Workspace): unknown[] => panes.value.map(({ showing }) => [showing.value?.kind, showing.value?.series.seriesNumber]);

// a browser that draws volumes
beforeAll(() => {
  vi.stubGlobal("document", { createElement: () => ({ getContext: () => ({}) }) });
});

afterEach(() => {
  fusion.value = undefined;
});

describe("planes of a series on the desk", () => {
  it("open at the image that was looked at, and give the hanging back with its places", async () => {
    const made = await desk();
    const [ct, pet] = made.panes.value;
    if (ct) made.activate(ct);
    ct?.goTo(12);
    pet?.goTo(30);
    arrange(made, "planes", WIDE);
    expect(shown(made)).toEqual([["mpr", 1], ["mpr", 1], ["mpr", 1]]);
    expect(made.panes.value.map(({ wishedPoint }) => wishedPoint)).toEqual([[5, 5, 24], [5, 5, 24], [5, 5, 24]]);

    arrange(made, "images", WIDE);
    expect(shown(made)).toEqual([["stack", 1], ["stack", 2]]);
    expect(made.panes.value[0]?.imageIndex.value).toBe(12);
  });

  it("lead to the images of the point that they were left at", async () => {
    const made = await desk();
    const [ct] = made.panes.value;
    if (ct) made.activate(ct);
    arrange(made, "planes", WIDE);
    const [axial, coronal] = made.panes.value;
    if (axial) axial.cut.value = { plane: "axial", index: 24, count: 49, cosines: [1, 0, 0, 0, 1, 0], centre: [5, 5, 48] };
    if (coronal) coronal.cut.value = { plane: "coronal", index: 1, count: 5, cosines: [1, 0, 0, 0, 0, -1], centre: [5, 2, 11] };
    if (coronal) made.activate(coronal);
    arrange(made, "planesAndSolid", WIDE);
    expect(made.panes.value[2]?.wishedPoint).toEqual([5, 2, 48]);

    arrange(made, "images", WIDE);
    expect(made.panes.value.map(({ imageIndex }) => imageIndex.value)).toEqual([24, 12]);
  });

  it("open at the moment that was looked at, of a curve at its own, and keep the one they show", async () => {
    const made = await desk(4);
    const [ct] = made.panes.value;
    if (ct) made.activate(ct);
    ct?.goTo(ct.content.value.frames.findIndex(({ dataset }) => dataset["00200100"]?.Value?.[0] === 3));
    arrange(made, "planes", WIDE);
    expect(moment.value).toBe(2);
    moment.value = 3;
    arrange(made, "curved", WIDE);
    expect(moment.value).toBe(3);
    arrange(made, "curved", WIDE, { series: CT, at: [5, 5, 8], image: { sopInstanceUid: "1.2.5.18", frameNumber: 1 } });
    expect(moment.value).toBe(1);
  });

  it("play by their own number and have one window; none of them is an image to be marked", async () => {
    const made = await desk();
    const [ct] = made.panes.value;
    if (ct) made.activate(ct);
    arrange(made, "planes", WIDE);
    made.switches.linked.value = true;
    const told = made.panes.value.map((pane, index) => {
      const [step, applyPreset, goTo] = [vi.fn(), vi.fn(), vi.fn()];
      pane.cut.value = { plane: "axial", index: 20 + index, count: 49, cosines: [1, 0, 0, 0, 1, 0], centre: [5, 5, 48] };
      pane.view.value = { window: { center: 40, width: 400 }, zoom: 1, inverted: false };
      pane.controls.value = { step, applyPreset, goTo, setTool: vi.fn(), show: vi.fn() } as unknown as ViewControls;
      return { step, applyPreset, goTo };
    });
    vi.useFakeTimers();
    made.press("cine");
    expect(made.active.value.cine.limits()).toEqual([0, 48]);
    vi.advanceTimersByTime(100);
    made.press("cine");
    vi.useRealTimers();
    expect(told.map(({ step }) => step.mock.calls)).toEqual([[[1]], [], []]);

    made.active.value.view.value = { window: { center: -600, width: 1500 }, zoom: 1, inverted: false };
    expect(told.map(({ applyPreset }) => applyPreset.mock.calls.map(([preset]) => preset.window))).toEqual([[], [{ center: -600, width: 1500 }], [{ center: -600, width: 1500 }]]);

    made.press("key");
    made.press("colour");
    made.press("magnify");
    expect([made.keyImages.value.size, made.menu.value, made.tool.value]).toEqual([0, undefined, "window"]);
    for (const pane of made.panes.value) pane.controls.value = undefined;
  });

  it("are those of both series where one lies over the other", async () => {
    const made = await desk();
    const [, pet] = made.panes.value;
    fusion.value = { base: CT.seriesInstanceUid, over: PET } as Fusion;
    if (pet) made.activate(pet);
    arrange(made, "planes", WIDE);
    expect(shown(made)).toEqual([["mpr", 1], ["mpr", 1], ["mpr", 1]]);
    arrange(made, "images", WIDE);
    expect(shown(made)).toEqual([["stack", 1], ["stack", 2]]);
    expect(made.active.value).toBe(made.panes.value[1]);
  });

  it("give nothing back to a desk that the reader put together anew", async () => {
    const made = await desk();
    arrange(made, "planes", WIDE);
    const [first] = made.panes.value;
    made.showSeries(PET, first);
    arrange(made, "planes", WIDE);
    arrange(made, "images", WIDE);
    expect(shown(made)).toEqual([["stack", 2]]);
  });
});
