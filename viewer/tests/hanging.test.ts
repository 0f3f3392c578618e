import { afterEach, describe, expect, it, vi } from "vitest";

import { DicomWeb, type SeriesSummary } from "@/dicomweb/client";
import type { Frame } from "@/dicomweb/frames";
import { Http } from "@/dicomweb/http";
import { arrange, suitable, type FramesOf } from "@/model/hanging";
import { layoutName } from "@/model/layout";
import { OpenStudy } from "@/model/study";
import { Workspace } from "@/model/workspace";
import { Likings } from "./kept";

let serial = 0;

function series(modality: string, description = "", bodyPart = ""): SeriesSummary {
  serial += 1;
  return {
    studyInstanceUid: "1.2",
    seriesInstanceUid: `1.2.${serial}`,
    modality,
    description,
    bodyPart,
    seriesNumber: serial,
    numberOfInstances: 1,
  };
}

const unknown: FramesOf = () => undefined;

/** The images of one series, each with its laterality and view position. */
function images(of: SeriesSummary, ...views: readonly string[]): FramesOf {
  const frames = views.map((name, index): Frame => {
    const [laterality = "", view = ""] = name.split(" ");
    const dataset = {
      "00200062": { vr: "CS", Value: [laterality] },
      "00185101": { vr: "CS", Value: [view] },
    };
    const { studyInstanceUid, seriesInstanceUid } = of;
    const sopInstanceUid = `${seriesInstanceUid}.${index}`;
    return { studyInstanceUid, seriesInstanceUid, sopInstanceUid, dataset, frameNumber: 1, numberOfFrames: 1, instanceNumber: index };
  });
  return (asked) => (asked === of ? frames : undefined);
}

/** `PROTOCOL ROWS×COLUMNS: what stands in each place`. */
function hung(all: readonly SeriesSummary[], framesOf = unknown): string {
  const found = arrange({ series: all, framesOf });
  if (!found) return "none";
  const places = found.pictures.map((picture) => {
    if (!picture) return "-";
    return picture.imageIndex > 0 || framesOf(picture.series) ? String(picture.imageIndex) : picture.series.description || picture.series.modality;
  });
  return `${found.protocol} ${layoutName(found.layout)}: ${places.join(", ")}`;
}

const named = (modality: string, ...descriptions: string[]): SeriesSummary[] => descriptions.map((one) => series(modality, one));

describe("hanging protocols", () => {
  it("hang mammograms by side and view, the right ones left, whatever their order", () => {
    expect(hung(named("MG", "L MLO", "R MLO", "L CC", "R CC"))).toBe("mammography 2×2: R CC, L CC, R MLO, L MLO");
    const one = series("MG");
    expect(hung([one], images(one, "L MLO", "R CC", "L CC", "R MLO"))).toBe("mammography 2×2: 1, 2, 3, 0");
    expect(hung([one], images(one, "L CC", "R CC"))).toBe("mammography 1×2: 1, 0");
    expect(hung([one], images(one, "L MLO", "R CC", "L CC"))).toBe("mammography 2×2: 1, 2, -, 0");
    expect(hung([one], images(one, "L MLO"))).toBe("mammography 1×1: 0");
    const [now, prior] = [named("MG", "L MLO", "R MLO", "L CC", "R CC"), named("MG", "prior L CC", "prior R MLO")];
    const both = arrange({ series: now, prior, framesOf: () => undefined }, "mammographyPrior");
    expect(both?.pictures.map((picture) => picture?.series.description)).toEqual(
      ["R CC", "L CC", "R MLO", "L MLO", undefined, "prior L CC", "prior R MLO", undefined], // prettier-ignore
    );
  });

  it("hang a frontal radiograph beside the lateral one, one alone", () => {
    const chest = series("DX");
    expect(hung([chest], images(chest, " LL", " PA"))).toBe("radiography 1×2: 1, 0");
    expect(hung([chest], images(chest, " PA"))).toBe("radiographs 1×1: 0");
    expect(hung([chest], images(chest, " PA", " PA", " PA", " PA"))).toBe("radiographs 2×2: 0, 1, 2, 3");
    expect(hung(named("CR", "Chest lateral", "Chest PA"))).toBe("radiography 1×2: Chest PA, Chest lateral");
    expect(hung(named("CR", "Hand", "Elbow"))).toBe("radiography 1×2: Hand, Elbow");
  });

  it("hang the right side left of the left one, view by view", () => {
    const hands = series("CR");
    expect(hung([hands], images(hands, "L PA", "R PA"))).toBe("sides 1×2: 1, 0");
    expect(hung([hands], images(hands, "L LL", "L AP", "R AP", "R LL"))).toBe("sides 2×2: 2, 1, 3, 0");
    expect(hung([hands], images(hands, "L LL", "R LL"))).toBe("sides 1×2: 1, 0");
    expect(hung([hands], images(hands, "L PA", "L LL"))).toBe("radiography 1×2: 0, 1");
    expect(hung([hands], images(hands, "L PA", "L OBL"))).toBe("radiographs 1×2: 0, 1");
    expect(suitable([hands], [], images(hands, " PA", " LL"))).toEqual(["radiography", "radiographs"]);
  });

  it("hang the axial soft-tissue CT first, scouts never", () => {
    expect(hung(named("CT", "Topogram", "Bone 1.0", "AX_soft 3.0"))).toBe("ct 1×2: AX_soft 3.0, Bone 1.0");
    expect(hung(named("CT", "Sagittal", "Coronal", "Axial 5 mm", "Axial 1 mm"))).toBe("ct 2×2: Axial 5 mm, Coronal, Sagittal, Axial 1 mm");
    expect(hung(named("CT", "Scout"))).toBe("ct 1×1: Scout");
  });

  it("hang CT by the body part", () => {
    const chest = [series("CT", "Lung 1.0", "CHEST"), series("CT", "Mediastinum", "CHEST")];
    expect(hung(chest)).toBe("ctChest 1×2: Mediastinum, Lung 1.0");
    const head = [series("CT", "Bone", "HEAD"), series("CT", "Brain std", "HEAD"), series("CT", "Cor", "HEAD")];
    expect(hung(head)).toBe("ctHead 2×2: Brain std, Bone, Cor, -");
    expect(hung([series("CT", "Bone", "CHEST"), series("CT", "Chest 3.0")])).toBe("ctChest 1×2: Chest 3.0, Bone");
    expect(suitable(chest)).toEqual(["ct", "ctChest"]);
  });

  it("hang MR by its contrasts", () => {
    const all = named("MR", "localizer", "ep2d_diff_b1000", "t2_flair_tra", "ax_t2_tse", "t1_se", "T2 GRE");
    expect(hung(all)).toBe("mr 2×2: t1_se, ax_t2_tse, t2_flair_tra, ep2d_diff_b1000");
    expect(hung(named("MR", "T10 spine", "pd"))).toBe("mr 1×2: T10 spine, pd");
  });

  it("hang CT beside PET, one loop of ultrasound or angiography, and nothing they do not know", () => {
    expect(hung(named("PT", "PET AC").concat(named("CT", "CT AC")))).toBe("petCt 1×2: CT AC, PET AC");
    expect(hung(named("CT", "CT low dose").concat(named("PT", "PET WB AC")))).toBe("petCt 1×2: CT low dose, PET WB AC");
    expect(hung(named("CT", "Dose report").concat(named("PT", "PET AC")))).toBe("pet 1×1: PET AC");
    expect(suitable(named("PT", "PET AC"))).toEqual(["pet"]);
    expect(arrange({ series: named("PT", "PET AC").concat(named("CT", "CT AC")), framesOf: unknown })?.linked).toBe(true);
    expect(hung(named("US", "a", "b"))).toBe("ultrasound 1×1: a");
    expect(hung(named("XA", "a", "b"))).toBe("angiography 1×1: a");
    expect(hung(named("OT", "a", "b"))).toBe("none");
  });

  it("give way to the reader's choice where it suits", () => {
    const chest = [series("CT", "Lung", "CHEST"), series("CT", "Bone", "CHEST"), series("CT", "Axial", "CHEST")];
    expect(arrange({ series: chest, framesOf: unknown }, "ct")?.protocol).toBe("ct");
    expect(arrange({ series: chest, framesOf: unknown }, "mr")?.protocol).toBe("ctChest");
  });
});

function opened(all: readonly SeriesSummary[], answer = "[]", kept = new Likings()): Workspace {
  const study = new OpenStudy(new DicomWeb(new Http(async () => new Response(answer))), "1.2");
  const made = new Workspace(study, kept);
  study.series.value = all;
  return made;
}

const shown = ({ layout, panes }: Workspace): string =>
  `${layoutName(layout.value)}: ${panes.value.map(({ showing }) => showing.value?.series.description ?? "-").join(", ")}`;

/** An image of a mammography series as its metadata has it. */
const image = (number: number, side: string): object => ({
  "00080018": { vr: "UI", Value: [`1.2.9.${number}`] },
  "00200013": { vr: "IS", Value: [number] },
  "00200062": { vr: "CS", Value: [side] },
  "00185101": { vr: "CS", Value: ["CC"] },
  "00280010": { vr: "US", Value: [8] },
  "7FE00010": { vr: "OW", BulkDataURI: "x" },
});

function stubs(phone = false): void {
  vi.stubGlobal("matchMedia", () => ({ matches: phone }));
}

describe("a study that is opened", () => {
  afterEach(() => vi.unstubAllGlobals());

  const ct = named("CT", "Scout", "Coronal", "Axial");

  it("hangs by the best protocol, on a phone the first picture alone", () => {
    stubs();
    expect(shown(opened(ct))).toBe("1×2: Axial, Coronal");
    stubs(true);
    expect(shown(opened(ct))).toBe("1×1: Axial");
  });

  it("hangs as the reader last chose for the modality", () => {
    stubs();
    const kept = new Likings();
    const next = (all = ct): string => shown(opened(all, "[]", kept));
    const desk = opened(ct, "[]", kept);
    desk.hanger.choose("none");
    expect(shown(desk)).toBe("1×1: Scout");
    expect(next()).toBe("1×1: Scout");
    expect(next(named("MR", "t2", "t1"))).toBe("1×2: t1, t2");
    desk.hanger.chooseLayout(1, 3);
    expect(next()).toBe("1×3: Scout, Coronal, Axial");
    stubs(true);
    expect(next()).toBe("1×1: Axial");
    stubs();
    desk.hanger.choose("ct");
    expect(next()).toBe("1×2: Axial, Coronal");
    desk.hanger.chooseLayout(4, 4);
    expect(shown(desk)).toMatch(/^4×4: Axial, Coronal, Scout, -/);
    expect(next(), "not for three series alone").toBe("1×2: Axial, Coronal");
    desk.hanger.chooseLayout(1, 3);
    expect(next(named("CT", "Axial")), "nor where it leaves most places empty").toBe("1×1: Axial");
    kept.set("hanging.choices", "broken");
    expect(next()).toBe("1×2: Axial, Coronal");
  });

  it("hangs anew when it is learnt late how the reader likes it, unless something was moved before", () => {
    stubs();
    const kept = new Likings();
    kept.loaded.value = false;
    const [desk, moved] = [opened(ct, "[]", kept), opened(ct, "[]", kept)];
    moved.setLayout(2, 2);
    kept.set("hanging.choices", { CT: "none" });
    expect(shown(desk)).toBe("1×2: Axial, Coronal");
    expect(desk.switches.linked.value, "soft beside bone are scrolled together").toBe(true);
    kept.loaded.value = true;
    expect(shown(desk)).toBe("1×1: Scout");
    expect(desk.switches.linked.value, "what the protocol switched on goes with it").toBe(false);
    expect(shown(moved)).toMatch(/^2×2/);
  });

  it("places images once their views are known, unless the reader moved something before", async () => {
    stubs();
    const answer = JSON.stringify([image(1, "L"), image(2, "R")]);
    const one = series("MG", "Screening");
    const [desk, moved] = [opened([one], answer), opened([one], answer)];
    moved.setLayout(1, 1);
    expect(shown(desk)).toBe("1×1: Screening");
    await vi.waitFor(() => expect(shown(desk)).toBe("1×2: Screening, Screening"));
    expect(desk.panes.value.map(({ imageIndex }) => imageIndex.value)).toEqual([1, 0]);
    await vi.waitFor(() => expect(moved.active.value.load.value?.loaded.value).toBe(true));
    expect(shown(moved)).toBe("1×1: Screening");
  });

  it("leaves alone what the reader put there when more series come", () => {
    stubs();
    const desk = opened(ct.slice(0, 2));
    expect(shown(desk)).toBe("1×1: Coronal");
    desk.study.series.value = ct;
    expect(shown(desk)).toBe("1×1: Coronal");
  });
});
