import { expect, test } from "vitest";

import { DicomWeb, type SeriesSummary } from "@/dicomweb/client";
import type { Frame } from "@/dicomweb/frames";
import { Http } from "@/dicomweb/http";
import type { Dataset } from "@/dicomweb/json";
import type { Measured } from "@/dicomweb/measured";
import { OpenStudy } from "@/model/study";
import { Workspace } from "@/model/workspace";
import type { ViewportModule } from "@/viewport/contract";
import { Likings } from "./kept";
import { about, e, item, line } from "./reports";

const STUDY = "1.2";
const SPACE = "1.2.9";
const LEFT = ["1.2.1.1", "1.2.1.3"]; // of the opened series; 1.2.1.2 was rejected
const UNOPENED = ["1.2.2.1", "1.2.2.2"]; // the second was rejected

const series = (seriesInstanceUid: string, modality: string, numberOfInstances: number): SeriesSummary => ({
  studyInstanceUid: STUDY, seriesInstanceUid, modality, description: "", bodyPart: "", seriesNumber: 1, numberOfInstances,
}); // prettier-ignore
const [CT, SR, KO] = [series("1.2.1", "CT", 2), series("1.2.3", "SR", 1), series("1.2.4", "KO", 1)];

function image(uid: string): Dataset {
  return {
    "00080016": e("UI", "1.2.840.10008.5.1.4.1.1.2"), "00080018": e("UI", uid), "00080060": e("CS", "CT"), "00200052": e("UI", SPACE),
    "00200032": e("DS", 0, 0, Number(uid.slice(-1))), "00200037": e("DS", 1, 0, 0, 0, 1, 0), "00280030": e("DS", 1, 1),
    "00280010": e("US", 8), "00280011": e("US", 8), "7FE00010": { vr: "OW" },
  }; // prettier-ignore
}

function object(uid: string, { seriesInstanceUid, modality }: SeriesSummary, sopClass: string, ...content: Dataset[]): Dataset {
  const images = [...LEFT, "1.2.1.2", "1.2.5.1", ...UNOPENED];
  const evidence = ["1.2.1", "1.2.2", "1.2.5"].map((of) => ({ "0020000E": e("UI", of), "00081199": e("SQ", ...images.filter((one) => one.startsWith(`${of}.`)).map(about)) }));
  return {
    "00080016": e("UI", sopClass), "00080018": e("UI", uid), "00080060": e("CS", modality), "00080070": e("LO", "Suret"),
    "0020000D": e("UI", STUDY), "0020000E": e("UI", seriesInstanceUid), "0040A730": e("SQ", ...content), "0040A375": e("SQ", { "00081115": e("SQ", ...evidence) }),
  }; // prettier-ignore
}

const length = (uid: string, on: string): Dataset =>
  item("CONTAINER", "125007", {}, item("UIDREF", "112040", { "0040A124": e("UI", uid) }), item("SCOORD", "111030", line, item("IMAGE", "121112", { "00081199": e("SQ", about(on)) })));
const through = (type: string, ...flat: number[]): Dataset => item("SCOORD3D", "111030", { "00700023": e("CS", type), "00700022": e("FL", ...flat), "30060024": e("UI", SPACE) });
const curve = (uid: string, on: string): Dataset =>
  item(
    "CONTAINER", "125007", {},
    item("TEXT", "112039", { "0040A160": e("UT", "Cornerstone3DTools:Curve") }),
    item("UIDREF", "112040", { "0040A124": e("UI", uid) }),
    through("MULTIPOINT", 0, 0, 2, 6, 0, 2),
    item("IMAGE", "121112", { "00081199": e("SQ", about(on)) }),
    item("NUM", "410668003", {}, through("POLYLINE", 0, 0, 2, 3, 0, 2, 6, 0, 2)),
  ); // prettier-ignore

interface Posted {
  readonly measurements?: readonly Readonly<Record<string, unknown>>[];
  readonly images?: readonly Readonly<Record<string, unknown>>[];
  readonly replaces?: readonly Readonly<Record<string, unknown>>[];
  readonly request_id?: string;
}

/** A study with a saved report and key images, some of whose images were rejected since; what is drawn now is `drawn`. */
async function opened(report: readonly Dataset[], keys: readonly string[] = []): Promise<{ desk: Workspace; posted: Posted[]; drawn: Measured[]; clicked: Measured[]; gone: Set<string>; net: { loses: boolean } }> {
  const net = { loses: false };
  const [posted, drawn, clicked, gone]: [Posted[], Measured[], Measured[], Set<string>] = [[], [], [], new Set(["1.2.1.2", "1.2.2.2", "1.2.5.1"])];
  const sr = object("1.2.3.1", SR, "1.2.840.10008.5.1.4.1.1.88.34", ...report);
  const ko = object("1.2.4.1", KO, "1.2.840.10008.5.1.4.1.1.88.59", ...keys.map((uid) => item("IMAGE", "113000", { "00081199": e("SQ", about(uid)) })));
  const http = new Http(async (path, init) => {
    if (init?.method === "POST") {
      posted.push(JSON.parse(String(init.body)) as Posted);
      if (net.loses) throw new TypeError("Failed to fetch");
      return new Response(JSON.stringify({ series_instance_uid: "1.2.3", sop_instance_uid: `1.2.3.${1 + posted.length}` }));
    }
    const asked = /SOPInstanceUID=(.*)$/.exec(path)?.[1]?.split(",").filter((uid) => !gone.has(uid)).map((uid) => ({ "00080018": e("UI", uid) })); // prettier-ignore
    const found = asked ?? (path.includes("series/1.2.1/") ? LEFT.map(image) : path.includes("series/1.2.3/") ? [sr] : path.includes("series/1.2.4/") ? [ko] : []);
    return new Response(JSON.stringify(found), { headers: { "Content-Type": "application/dicom+json" } });
  });
  const study = new OpenStudy(new DicomWeb(http), STUDY);
  const desk = new Workspace(study, new Likings());
  desk.saving.attach({
    followMeasurements: () => () => {},
    settled: () => new Promise<void>((done) => setTimeout(() => done(clicked.splice(0).forEach((one) => drawn.push(one))))),
        measuredOn: (frames: readonly Frame[]) => drawn.filter((one) => frames.some(({ sopInstanceUid }) => sopInstanceUid === one.sopInstanceUid)),
    nowhereOn: () => 0,
    place: (_: readonly Frame[], measurements: readonly Measured[]) => drawn.push(...measurements),
  } as unknown as ViewportModule);
  study.firstPicture.settled.value = true;
  study.series.value = [CT, series("1.2.2", "CT", 1), SR, ...(keys.length > 0 ? [KO] : [])];
  desk.showSeries(CT);
  await new Promise((done) => setTimeout(done, 20));
  return { desk, posted, drawn, clicked, gone, net };
}

const measured = (uid: string, sopInstanceUid: string): Measured => ({
  uid, kind: "length", seriesInstanceUid: "1.2.1", sopInstanceUid, frameNumber: 1, points: [[1, 2], [3, 4]], label: "", figures: [], foreign: false,
}); // prettier-ignore
const named = (posted: Posted | undefined): unknown[] => (posted?.measurements ?? posted?.images ?? []).map((one) => [one["tracking_uid"], one["sop_instance_uid"]]);

test("a saved measurement on an image that was rejected is told before the report that leaves it out is sent", async () => {
  const { desk, posted, drawn } = await opened([length("2.25.1", "1.2.1.1"), length("2.25.2", "1.2.2.1"), length("2.25.3", "1.2.2.2")]);
  const { saving } = desk;
  expect(saving.unsaved.value).toBe(false);
  drawn.push(measured("2.25.4", "1.2.1.3"));
  await saving.save();
  expect(saving.state.value).toEqual({ kind: "held", leftOut: { measurements: ["2.25.3"], keyImages: [] } });
  await saving.save();
  expect([saving.state.value.kind, posted], "the same keys again tell it again").toEqual(["held", []]);
  await saving.save(true);
  expect(saving.state.value.kind).toBe("saved");
  expect(posted.map(named)).toEqual([[["2.25.1", "1.2.1.1"], ["2.25.4", "1.2.1.3"], ["2.25.2", "1.2.2.1"]]]);
  expect(saving.unsaved.value).toBe(false);
});

test("what else is rejected while the reader makes up their mind is told, too", async () => {
  const { desk, posted, drawn, gone } = await opened([length("2.25.2", "1.2.2.1"), length("2.25.3", "1.2.2.2")]);
  drawn.push(measured("2.25.4", "1.2.1.3"));
  await desk.saving.save();
  gone.add("1.2.2.1");
  await desk.saving.save(true);
  expect([desk.saving.state.value, posted]).toEqual([{ kind: "held", leftOut: { measurements: ["2.25.2", "2.25.3"], keyImages: [] } }, []]);
  gone.clear();
  await desk.saving.save(true);
  expect(named(posted[0]), "all are back").toEqual([["2.25.4", "1.2.1.3"], ["2.25.2", "1.2.2.1"], ["2.25.3", "1.2.2.2"]]);
});

test("a key image that was rejected is told, and marked no more once the selection is saved without it", async () => {
  const { desk, posted } = await opened([], ["1.2.1.1", "1.2.1.2"]);
  const { saving } = desk;
  expect([...desk.keyImages.value, saving.unsaved.value]).toEqual(["1.2.1.1#*", "1.2.1.2#*", false]);
  desk.keyImages.value = new Set([...desk.keyImages.value, "1.2.1.3#*"]);
  await saving.save();
  expect(saving.state.value).toEqual({ kind: "held", leftOut: { measurements: [], keyImages: ["1.2.1.2#*"] } });
  await saving.save(true);
  expect(posted.map(named)).toEqual([[[undefined, "1.2.1.1"], [undefined, "1.2.1.3"]]]);
  expect([...desk.keyImages.value, saving.unsaved.value]).toEqual(["1.2.1.1#*", "1.2.1.3#*", false]);
});

test("a curve whose own image was rejected is saved with the nearest of its series; one whose series was, is not of another examination", async () => {
  const { desk, posted } = await opened([curve("2.25.5", "1.2.1.2"), curve("2.25.6", "1.2.5.1")]);
  const { saving, curves } = desk;
  expect([saving.unsaved.value, saving.elsewhere.value, saving.withdrawn.value]).toEqual([false, 0, 0]);
  const [first, second] = curves.laid.value;
  second?.drag(0, [0, 1, 2]);
  await saving.save();
  expect([saving.unsaved.value, saving.elsewhere.value, saving.withdrawn.value]).toEqual([false, 0, 1]);
  first?.drag(0, [0, 1, 2]);
  await saving.save();
  expect(saving.state.value).toEqual({ kind: "held", leftOut: { measurements: ["2.25.6"], keyImages: [] } });
  await saving.save(true);
  expect(posted.map(named)).toEqual([[["2.25.5", "1.2.1.1"]]]);
  expect([saving.unsaved.value, saving.withdrawn.value]).toEqual([false, 1]);
});

test("a report whose answer was lost is sent again as it was, and what was drawn since takes its place", async () => {
  const { desk, posted, drawn, net } = await opened([]);
  const { saving } = desk;
  drawn.push(measured("2.25.4", "1.2.1.3"));
  net.loses = true;
  await saving.save();
  await saving.save();
  expect([saving.state.value.kind, saving.unsaved.value]).toEqual(["failed", true]);
  drawn.push(measured("2.25.5", "1.2.1.1"));
  net.loses = false;
  await saving.save();
  const [first, again, third, last] = posted;
  expect([again, third], "the same to the letter, by which the node knows it").toEqual([first, first]);
  expect(first?.request_id).toMatch(/^[0-9a-f]{32}$/);
  expect([named(last), last?.replaces]).toEqual([[["2.25.4", "1.2.1.3"], ["2.25.5", "1.2.1.1"]], [{ series_instance_uid: "1.2.3", sop_instance_uid: "1.2.3.4" }]]);
  expect([last?.request_id === first?.request_id, saving.unsaved.value, posted.length]).toEqual([false, false, 4]);
  await saving.save();
  expect(posted).toHaveLength(4);
});

test("what was clicked a moment ago, and is drawn only now, is saved with it", async () => {
  const { desk, posted, clicked } = await opened([]);
  clicked.push({ ...measured("2.25.7", "1.2.1.1"), figures: [{ name: "length", value: 5, unit: "mm" }] });
  await desk.saving.save();
  expect(posted[0]?.measurements?.map((one) => [one["tracking_uid"], one["figures"]])).toEqual([["2.25.7", [{ name: "length", value: 5, unit: "mm" }]]]);
  await desk.saving.save();
  expect([desk.saving.state.value, posted.length]).toEqual([{ kind: "saved" }, 1]);
});
