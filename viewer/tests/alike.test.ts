import { afterEach, describe, expect, it, vi } from "vitest";

import { DicomWeb, type SeriesSummary } from "@/dicomweb/client";
import { Http } from "@/dicomweb/http";
import { besideEach } from "@/model/alike";
import { layoutName } from "@/model/layout";
import type { Picture } from "@/model/hanging";
import { OpenStudy } from "@/model/study";
import { changedAlike, isSameWindow } from "@/model/windowLinking";
import { OwnProtocols } from "@/model/ownHanging";
import { Workspace } from "@/model/workspace";
import { Likings } from "./kept";

const [NOW, BEFORE] = ["1.2", "1.1"];
let serial = 0;

function picture(study: string, modality: string, description: string): Picture {
  serial += 1;
  const [laterality = "", view = ""] = /^[LR]? ?[A-Z]{2,3}$/.test(description) ? description.split(" ") : ["", description];
  const series = { studyInstanceUid: study, seriesInstanceUid: `${study}.${serial}`, modality, description, bodyPart: "", seriesNumber: serial, numberOfInstances: 1 };
  return { series, imageIndex: 0, laterality, view };
}

/** What hangs of today, and what of an earlier examination: its places, row by row. */
function beside(modality: string, now: readonly string[], earlier: readonly string[], its = modality): string {
  const made = besideEach(now.map((one) => picture(NOW, modality, one)), earlier.map((one) => picture(BEFORE, its, one)));
  if (!made) return "alone";
  const places = made.pictures.map((one) => (one ? `${one.series.studyInstanceUid === NOW ? "" : "earlier "}${one.series.description}` : "-"));
  return `${layoutName(made.layout)}: ${places.join(", ")}`;
}

describe("an earlier picture beside each of today's", () => {
  it("is of the same view, side and kind, whatever took it", () => {
    expect(beside("DX", [" PA", " LL"], [" LL", " AP"])).toBe("2×2:  PA, earlier  AP,  LL, earlier  LL");
    expect(beside("DX", [" PA"], [" PA"], "CR")).toBe("1×2:  PA, earlier  PA");
    expect(beside("CR", ["R PA", "L PA"], ["L PA"])).toBe("2×2: R PA, -, L PA, earlier L PA");
    expect(beside("CR", ["R PA"], ["L PA"])).toBe("alone");
    expect(beside("DX", [" PA"], [" LL"])).toBe("alone");
    expect(beside("CT", ["Axial"], ["Axial"], "MR")).toBe("alone");
  });

  it("is of the same look, and there are no more than four", () => {
    expect(beside("CT", ["Mediastinum", "Lung 1.0"], ["Lung 3.0", "Std 3.0"])).toBe("2×2: Mediastinum, earlier Std 3.0, Lung 1.0, earlier Lung 3.0");
    expect(beside("MR", ["t1", "t2", "flair"], ["flair", "t1"])).toBe("2×4: t1, earlier t1, t2, -, flair, earlier flair");
    expect(beside("CT", ["a", "b", "c", "d", "e"], ["a"])).toBe("alone");
    expect(beside("CT", [], ["a"])).toBe("alone");
  });
});

describe("a window that is changed beside another", () => {
  it("changes as much, of whatever values the other has", () => {
    const other = { center: 8000, width: 16000 };
    expect(changedAlike(other, { center: 1750, width: 3500 }, { center: 1750, width: 3500 })).toEqual(other);
    expect(changedAlike(other, { center: 1750, width: 3500 }, { center: 2100, width: 1750 })).toEqual({ center: 9600, width: 8000 });
    expect(isSameWindow(other, { center: 8001, width: 16001 })).toBe(true);
    expect(isSameWindow(other, { center: 8100, width: 16000 })).toBe(false);
  });
});

const row = (uid: string, date: string, region: string, name = "Doe Ann"): object => ({
  study_instance_uid: uid,
  study_date: date,
  study_description: region,
  modalities: ["CT"],
  patient_name: name,
  patient_id: "P",
});

const tags = (uid: string, series: string): object => ({
  "0020000D": { vr: "UI", Value: [uid] },
  "0020000E": { vr: "UI", Value: [series] },
  "00080060": { vr: "CS", Value: ["CT"] },
  "0008103E": { vr: "LO", Value: ["Axial"] },
  "00100020": { vr: "LO", Value: ["P"] },
  "00080020": { vr: "DA", Value: ["20260301"] },
  "00201209": { vr: "IS", Value: [3] },
});

/** A CT study of the chest that is opened, its patient having these others. */
function opened(kept: Likings, others: readonly object[]): Workspace {
  const web = new DicomWeb(
    new Http(async (address) => {
      const url = String(address);
      if (url.includes("worklist")) return Response.json({ studies: [row(NOW, "20260301", "CT chest"), ...others] });
      const study = /studies\/([\d.]+)\/series/.exec(url)?.[1];
      return Response.json(study && !url.includes("metadata") ? [tags(study, `${study}.1`)] : []);
    }),
  );
  const study = new OpenStudy(web, NOW);
  const desk = new Workspace(study, kept);
  study.series.value = [{ ...picture(NOW, "CT", "Axial").series } satisfies SeriesSummary];
  study.dataset.value = tags(NOW, `${NOW}.1`) as never;
  return desk;
}

const lacking = ({ hanger, panes }: Workspace): boolean[] => panes.value.map((pane) => hanger.lacksPrior(pane));
const shown = ({ panes }: Workspace): (string | undefined)[] => panes.value.map(({ showing }) => showing.value?.series.studyInstanceUid);

describe("studies that the reader wants with the earlier examination beside", () => {
  afterEach(() => vi.unstubAllGlobals());

  const chest = row(BEFORE, "20250301", "CT chest");

  it("open so from then on, and alone again when it is not wanted any more", async () => {
    vi.stubGlobal("matchMedia", () => ({ matches: false }));
    const kept = new Likings();
    const first = opened(kept, [chest]);
    await vi.waitFor(() => expect(first.hanger.modalities).toBe("CT"));
    expect(shown(first)).toEqual([NOW]);
    first.hanger.hangBeside(true);
    await vi.waitFor(() => expect(shown(first)).toEqual([NOW, BEFORE]));
    const next = opened(kept, [chest]);
    await vi.waitFor(() => expect(shown(next)).toEqual([NOW, BEFORE]));
    expect(next.switches.linked.value).toBe(true);
    next.comparing.end();
    expect(shown(next), "this once").toEqual([NOW]);
    expect(next.hanger.beside.isWanted).toBe(true);
    next.hanger.hangBeside(false);
    const alone = opened(kept, [chest]);
    await alone.comparing.look();
    expect(shown(alone)).toEqual([NOW]);
  });

  it.each([
    ["there is none", []],
    ["it is of another part of the body", [row(BEFORE, "20250301", "CT head")]],
    ["it may be another patient's", [row(BEFORE, "20250301", "CT chest", "Roe Richard")]],
    ["it was made later", [row(BEFORE, "20260401", "CT chest")]],
  ])("hang alone where %s", async (_, others) => {
    vi.stubGlobal("matchMedia", () => ({ matches: false }));
    const kept = new Likings();
    kept.set("hanging.beside", ["CT"]);
    const desk = opened(kept, others);
    const { earlier } = desk.comparing;
    expect(await earlier.call(desk.comparing)).toBeUndefined();
    expect(shown(desk)).toEqual([NOW]);
    expect(desk.layout.value).toEqual({ rows: 1, columns: 1 });
  });

  it("stay as the reader moved them before it was found", async () => {
    vi.stubGlobal("matchMedia", () => ({ matches: false }));
    const kept = new Likings();
    kept.set("hanging.beside", ["CT"]);
    const desk = opened(kept, [chest]);
    desk.setLayout(2, 2);
    expect((await desk.comparing.earlier())?.prior.studyInstanceUid).toBe(BEFORE);
    expect(layoutName(desk.layout.value)).toBe("2×2");
  });

  it("stand by a protocol of one's own with a place for it, which says that there is none", async () => {
    vi.stubGlobal("matchMedia", () => ({ matches: false }));
    const kept = new Likings();
    const place = { modality: "CT", words: "", view: "", laterality: "", prior: false } as const;
    const protocol = { id: "own-1", name: "Mine", modalities: ["CT"], bodyPart: "", rows: 1, columns: 2, linked: false, places: [place, { ...place, prior: true }] };
    new OwnProtocols(kept).save(protocol);
    const first = opened(kept, []);
    await vi.waitFor(() => expect(lacking(first)).toEqual([false, true]));
    expect(shown(first)).toEqual([NOW, undefined]);
    const second = opened(kept, [chest]);
    await vi.waitFor(() => expect(shown(second)).toEqual([NOW, BEFORE]));
    expect(lacking(second)).toEqual([false, false]);
  });
});
