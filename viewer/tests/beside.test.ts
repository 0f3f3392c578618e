import { describe, expect, test } from "vitest";

import { DicomWeb, type SeriesSummary } from "@/dicomweb/client";
import type { Frame } from "@/dicomweb/frames";
import { Http } from "@/dicomweb/http";
import { text, type Dataset } from "@/dicomweb/json";
import type { Measured } from "@/dicomweb/measured";
import { OpenStudy } from "@/model/study";
import { Workspace } from "@/model/workspace";
import type { ViewportModule } from "@/viewport/contract";
import { Likings } from "./kept";
import { about, e, item, line } from "./reports";

const NOW = "1.2";
const BEFORE = "1.3";
const SPACE = "1.3.9";

/** The prior's series of a modality. */
function uidOf(modality: string): string {
  return `${BEFORE}.${["CT", "SR", "KO", "PR"].indexOf(modality) + 1}`;
}

function object(uid: string, modality: string, sopClass: string, more: Dataset, maker = "Suret"): Dataset {
  return {
    "00080016": e("UI", sopClass),
    "00080018": e("UI", uid),
    "00080060": e("CS", modality),
    "00080070": e("LO", maker),
    "0020000D": e("UI", BEFORE),
    "0020000E": e("UI", uidOf(modality)),
    ...more,
  };
}

function report(uid: string, tracking: string, place: Dataset, maker = "Suret", more: Dataset = {}): Dataset {
  const group = item("CONTAINER", "125007", {}, item("UIDREF", "112040", { "0040A124": e("UI", tracking) }), place);
  return object(uid, "SR", "1.2.840.10008.5.1.4.1.1.88.34", { "0040A730": e("SQ", group), ...more }, maker);
}

const onImage = item("SCOORD", "111030", line, item("IMAGE", "121112", { "00081199": e("SQ", about("1.3.7")) }));
const inSpace = item("SCOORD3D", "111030", { "00700023": e("CS", "POINT"), "00700022": e("FL", 1, 2, 3), "30060024": e("UI", SPACE) });
const replaces = { "0040A360": e("SQ", { "00081115": e("SQ", { "00081199": e("SQ", about("1.3.80")) }) }) };
const through = (type: string, ...flat: number[]): Dataset => item("SCOORD3D", "111030", { "00700023": e("CS", type), "00700022": e("FL", ...flat), "30060024": e("UI", SPACE) });
const CURVE = object(
  "1.3.86",
  "SR",
  "1.2.840.10008.5.1.4.1.1.88.34",
  {
    "0040A730": e("SQ", item(
      "CONTAINER", "125007", {},
      item("TEXT", "112039", { "0040A160": e("UT", "Cornerstone3DTools:Curve") }),
      item("UIDREF", "112040", { "0040A124": e("UI", "2.25.5") }),
      through("MULTIPOINT", 0, 0, 0, 10, 0, 0),
      item("IMAGE", "121112", { "00081199": e("SQ", about("1.3.7")) }),
      item("NUM", "410668003", {}, through("POLYLINE", 0, 0, 0, 5, 0, 0, 10, 0, 0)),
    )),
    "0040A375": e("SQ", { "00081115": e("SQ", { "0020000E": e("UI", uidOf("CT")), "00081199": e("SQ", about("1.3.7")) }) }),
  },
); // prettier-ignore
const REPORTS = [
  CURVE,
  report("1.3.80", "2.25.1", onImage), // the next one takes its place
  report("1.3.81", "2.25.2", onImage, "Suret", replaces),
  report("1.3.82", "2.25.3", onImage, "Somebody"),
  report("1.3.83", "2.25.4", inSpace, "Suret"),
];
const KEYS = object("1.3.84", "KO", "1.2.840.10008.5.1.4.1.1.88.59", {
  "0040A730": e("SQ", item("IMAGE", "113000", { "00081199": e("SQ", about("1.3.7")) })),
});
const STATE = object("1.3.85", "PR", "1.2.840.10008.5.1.4.1.1.11.1", {
  "00081115": e("SQ", { "0020000E": e("UI", uidOf("CT")), "00081140": e("SQ", about("1.3.7")) }),
});

function image(uid: string, space: string): Dataset {
  return {
    "00080016": e("UI", "1.2.840.10008.5.1.4.1.1.2"),
    "00080018": e("UI", uid),
    "00080060": e("CS", "CT"),
    "00200052": e("UI", space),
    "00280010": e("US", 8),
    "00280011": e("US", 8),
    "7FE00010": { vr: "OW" },
  };
}

function listed(modality: string, count: number): Dataset {
  return { "00080060": e("CS", modality), "0020000E": e("UI", uidOf(modality)), "00201209": e("IS", count) };
}

const ANSWERS: Readonly<Record<string, (today: string) => readonly Dataset[]>> = {
  [`studies/${BEFORE}/series?`]: () => [listed("CT", 1), listed("SR", 5), listed("KO", 1), listed("PR", 1)],
  [`series/${uidOf("CT")}/`]: () => [image("1.3.7", SPACE)],
  [`series/${uidOf("SR")}/`]: () => REPORTS,
  [`series/${uidOf("KO")}/`]: () => [KEYS],
  [`series/${uidOf("PR")}/`]: () => [STATE],
  [`series/${NOW}.1/`]: (today) => [image("1.2.7", today)],
};

const series = (studyInstanceUid: string, seriesInstanceUid: string): SeriesSummary => ({
  studyInstanceUid, seriesInstanceUid, modality: "CT", description: "", bodyPart: "", seriesNumber: 1, numberOfInstances: 1,
}); // prettier-ignore

interface Placed {
  readonly frames: readonly Frame[];
  readonly measurements: readonly Measured[];
}

/** A length that the reader drew on the prior, and nothing on the images of today. */
const drawn = ({ studyInstanceUid, seriesInstanceUid, sopInstanceUid, frameNumber }: Frame): Measured => ({
  uid: `2.25.9${sopInstanceUid}`, kind: "length", seriesInstanceUid, sopInstanceUid, frameNumber,
  points: [[1, 2], [3, 4]], label: "", figures: [], foreign: studyInstanceUid === NOW,
}); // prettier-ignore

/** The study of today with the prior beside it, and what was put on whose images. */
async function compared(today = `${NOW}.9`): Promise<{ desk: Workspace; placed: Placed[]; posted: string[] }> {
  const [placed, posted]: [Placed[], string[]] = [[], []];
  const http = new Http(async (path, init) => {
    if ((init?.method ?? "GET") !== "GET") posted.push(path);
    const found = Object.entries(ANSWERS).find(([part]) => path.includes(part));
    return new Response(JSON.stringify(found?.[1](today) ?? []), { headers: { "Content-Type": "application/dicom+json" } });
  });
  const study = new OpenStudy(new DicomWeb(http), NOW);
  const desk = new Workspace(study, new Likings());
  study.firstPicture.settled.value = true;
  study.series.value = [series(NOW, `${NOW}.1`)];
  desk.saving.attach({
    followMeasurements: () => () => {},
    settled: async () => {},
    measuredOn: (frames: readonly Frame[]) => frames.map(drawn),
    nowhereOn: (frames: readonly Frame[]) => frames.filter(({ dataset }) => text(dataset, "00200052") === "").length,
    place: (frames: readonly Frame[], measurements: readonly Measured[]) => placed.push({ frames, measurements }),
  } as unknown as ViewportModule);
  desk.setLayout(1, 2);
  const [, right] = desk.panes.value;
  if (right) desk.show({ kind: "stack", series: series(BEFORE, uidOf("CT")) }, right);
  await new Promise((done) => setTimeout(done, 20));
  return { desk, placed, posted };
}

describe("a prior beside what is read", () => {
  test("shows its own measurements on its own images, fixed, and none of them is to be saved", async () => {
    const { desk, placed } = await compared();
    const last = placed.at(-1);
    expect(last?.frames.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(["1.3.7"]);
    expect(last?.measurements.map(({ uid, foreign, fixed }) => [uid, foreign, fixed])).toEqual([
      ["2.25.5", false, true],
      ["2.25.2", false, true],
      ["2.25.3", true, false],
      ["2.25.4", false, true],
    ]);
    expect([desk.saving.unsaved.value, desk.saving.measured.value.length]).toEqual([false, 0]);
  });

  test("offers its curves to be looked along, of which one that was changed cannot be saved from here", async () => {
    const { desk } = await compared();
    const [curve] = desk.curves.laid.value;
    expect([curve?.uid, curve?.seriesInstanceUid, curve?.path.value?.length]).toEqual(["2.25.5", uidOf("CT"), 10]);
    await desk.saving.save(); // looks again
    expect(desk.saving.elsewhere.value).toBe(1); // the length that was drawn
    curve?.drag(0, [0, 1, 0]);
    await desk.saving.save();
    expect(desk.saving.elsewhere.value).toBe(2);
  });

  test("offers all its series, its report too, and shows them where it stands", async () => {
    const { desk } = await compared();
    const shown = (): (string | undefined)[] => desk.panes.value.map(({ showing }) => showing.value?.series.seriesInstanceUid);
    const [all = []] = desk.beside.studies.value;
    expect(all.map(({ modality }) => modality)).toEqual(["CT", "SR", "KO", "PR"]);
    const [today] = desk.panes.value;
    if (today) desk.activate(today);
    const report = all.find(({ modality }) => modality === "SR");
    if (report) desk.beside.showSeries(report);
    expect(shown()).toEqual([`${NOW}.1`, uidOf("SR")]);
    desk.showNeighbour(1);
    expect(shown(), "keys go through the series of its own study").toEqual([`${NOW}.1`, uidOf("KO")]);
  });

  test("gives its place to another one, never that of what is read", async () => {
    const { desk } = await compared();
    expect(desk.active.value.showing.value?.series.studyInstanceUid).toBe(BEFORE);
    await desk.comparing.show({ studyInstanceUid: BEFORE, date: "", description: "", modalities: ["CT"], patientName: "", birthDate: "", sameness: "same", isElsewhere: false });
    expect(desk.panes.value.map(({ showing }) => showing.value?.series.studyInstanceUid)).toEqual([NOW, BEFORE]);
  });

  test("in one space with today's images, its planes are not drawn over them", async () => {
    const [apart, shared] = [await compared(), await compared(SPACE)];
    const inSpaces = [apart, shared].map(({ placed }) => placed.at(-1)?.measurements.find(({ space }) => space)?.foreign);
    expect(inSpaces).toEqual([false, true]); // as if of another maker: on images alone
  });

  test("shows its key images, which can neither be marked nor saved from here", async () => {
    const { desk, posted } = await compared();
    const frame = desk.active.value.frame.value as Frame;
    expect([frame.studyInstanceUid, desk.isKey(frame)]).toEqual([BEFORE, true]);
    desk.press("key");
    expect([desk.isKey(frame), desk.keyImages.value.size, desk.saving.unsaved.value]).toEqual([true, 0, false]);
    await desk.saving.save();
    await desk.presenting.save();
    expect(posted).toEqual([]);
  });

  test("offers its display states in its own viewport alone", async () => {
    const { desk } = await compared();
    expect(desk.presenting.states.value).toEqual([STATE]);
    const [left] = desk.panes.value;
    if (left) desk.activate(left);
    expect(desk.presenting.states.value).toEqual([]);
  });

  test("what is drawn on it, and on planes without a frame of reference, is told as what cannot be saved", async () => {
    const { desk } = await compared("");
    await desk.saving.save(); // looks again
    expect([desk.saving.nowhere.value, desk.saving.elsewhere.value]).toEqual([1, 1]);
    expect([desk.saving.unsaved.value, desk.saving.measured.value.length, desk.saving.state.value.kind]).toEqual([false, 0, "idle"]);
  });
});
