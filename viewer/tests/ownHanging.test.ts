import { describe, expect, it, vi } from "vitest";

import { DicomWeb, type SeriesSummary } from "@/dicomweb/client";
import { Http } from "@/dicomweb/http";
import { arrange } from "@/model/hanging";
import { layoutName } from "@/model/layout";
import { asProtocol, modalitiesIn, OwnProtocols, ownProtocols, placesFor, PROTOCOLS_MOST, type OwnProtocol } from "@/model/ownHanging";
import { OpenStudy } from "@/model/study";
import { Workspace } from "@/model/workspace";
import { Likings } from "./kept";

function series(number: number, description: string, modality = "CT", studyInstanceUid = "1.2"): SeriesSummary {
  const seriesInstanceUid = `${studyInstanceUid}.${number}`;
  return { studyInstanceUid, seriesInstanceUid, modality, description, bodyPart: "CHEST", seriesNumber: number, numberOfInstances: 1 };
}

const anything = { modality: "", words: "", view: "", laterality: "", prior: false } as const;

const threeUp: OwnProtocol = {
  id: "own-1",
  name: "Lungs first",
  modalities: ["CT"],
  bodyPart: "chest, грудь",
  rows: 1,
  columns: 3,
  linked: false,
  places: [{ ...anything, words: "lung" }, { ...anything, words: "cor, кор" }, { ...anything, words: "lung", prior: true }],
};

const [mediastinum, coronal, lung] = [series(1, "Mediastinum"), series(2, "Coronal 3.0"), series(3, "Lung (1.0)")];
const chest = [mediastinum, coronal, lung];
const earlier = [series(1, "Mediastinum", "CT", "9.9"), series(2, "LUNG 2", "CT", "9.9")];
const hung = (protocol: OwnProtocol, all = chest, prior: readonly SeriesSummary[] = []): string => {
  const found = arrange({ series: all, framesOf: () => undefined, own: [asProtocol(protocol)], prior });
  return `${found?.protocol}: ${found?.pictures.map((picture) => picture?.series.description ?? "-").join(", ")}`;
};

describe("a protocol of one's own", () => {
  it("comes before the shipped ones where it applies", () => {
    expect(hung(threeUp)).toBe("own-1: Lung (1.0), Coronal 3.0, -");
    expect(hung({ ...threeUp, bodyPart: "head" })).toMatch(/^ctChest: /);
    expect(hung({ ...threeUp, modalities: ["CT", "PT"] })).toMatch(/^ctChest: /);
    expect(hung({ ...threeUp, bodyPart: "" })).toBe("own-1: Lung (1.0), Coronal 3.0, -");
  });

  it("fills places for the earlier study from it alone", () => {
    expect(hung(threeUp, chest, earlier)).toBe("own-1: Lung (1.0), Coronal 3.0, LUNG 2");
  });

  it("takes what a reader types literally", () => {
    expect(hung({ ...threeUp, places: [{ ...anything, words: "(1.0)" }, anything, anything] })).toBe("own-1: Lung (1.0), Mediastinum, Coronal 3.0");
  });

  it("leaves a place empty when nothing of its modality is there", () => {
    expect(hung({ ...threeUp, places: [{ ...anything, modality: "PT" }, anything, anything] })).toBe("own-1: -, Mediastinum, Coronal 3.0");
  });

  it("reads modalities as they are typed", () => {
    expect(modalitiesIn(" ct; pt,CT ")).toEqual(["CT", "PT"]);
    expect(modalitiesIn("CT scan")).toBeUndefined();
    expect(modalitiesIn(" , ")).toEqual([]);
  });
});

describe("what was kept", () => {
  it("is read again as it was", () => {
    expect(ownProtocols(JSON.parse(JSON.stringify([threeUp])))).toEqual([threeUp]);
  });

  it.each([undefined, "x", { 0: threeUp }, [1, null, [], { ...threeUp, name: "" }, { ...threeUp, modalities: ["a b"] }, { ...threeUp, id: 7 }]])(
    "is left out when it is no protocol: %j",
    (kept) => expect(ownProtocols(kept)).toEqual([]),
  );

  it("is brought into bounds", () => {
    const [read] = ownProtocols([{ ...threeUp, rows: 9, columns: "x", name: "n".repeat(1000), places: [{ laterality: "B", prior: 1, words: 5 }] }]);
    expect(read).toMatchObject({ rows: 4, columns: 1, places: placesFor(4, 1, []) });
    expect(read?.name).toHaveLength(60);
  });
});

function desk(kept: Likings, all = chest): Workspace {
  vi.stubGlobal("matchMedia", () => ({ matches: false }));
  const study = new OpenStudy(new DicomWeb(new Http(async () => new Response("[]"))), "1.2");
  const workspace = new Workspace(study, kept);
  study.series.value = all;
  return workspace;
}

describe("the reader's desk", () => {
  it("makes a protocol of what hangs, and hangs by it the next time", () => {
    const kept = new Likings();
    const workspace = desk(kept);
    const { hanger } = workspace;
    workspace.setLayout(1, 2);
    workspace.showSeries(lung, workspace.panes.value[0]);
    workspace.showSeries(mediastinum, workspace.panes.value[1]);
    hanger.draft();
    const { value: draft } = hanger.edited;
    if (!draft) throw new Error("nothing is edited");
    expect(draft).toMatchObject({ modalities: ["CT"], rows: 1, columns: 2 });
    expect(draft.places.map(({ modality, words }) => `${modality} ${words}`)).toEqual(["CT Lung (1.0)", "CT Mediastinum"]);
    expect(hanger.keep({ ...draft, name: "Mine", linked: true })).toBe(true);
    expect(hanger.protocol.value).toBe(draft.id);
    const next = desk(kept);
    expect(layoutName(next.layout.value)).toBe("1×2");
    expect(next.panes.value.map(({ showing }) => showing.value?.series.description)).toEqual(["Lung (1.0)", "Mediastinum"]);
    expect(next.switches.linked.value).toBe(true);
  });

  it("keeps so many and no more, and forgets what is deleted", () => {
    const kept = new Likings();
    const own = new OwnProtocols(kept);
    const small = { ...threeUp, rows: 1, columns: 1, places: [anything] };
    for (let number = 0; number < PROTOCOLS_MOST; number += 1) expect(own.save({ ...small, id: `own-${number}` })).toBe(true);
    expect(own.save({ ...small, id: "one-more" })).toBe(false);
    expect(own.save({ ...small, id: "own-3", name: "Other" })).toBe(true);
    own.remove("own-4");
    expect(own.all.value).toHaveLength(PROTOCOLS_MOST - 1);
    expect(own.all.value).toEqual(new OwnProtocols(kept).all.value);
  });

  it("keeps no more than the node takes as one value", () => {
    const own = new OwnProtocols(new Likings());
    const words = "ж".repeat(60);
    const long = { ...threeUp, rows: 4, columns: 4, places: placesFor(4, 4, Array.from({ length: 16 }, () => ({ ...anything, words, view: words }))) };
    expect(own.save({ ...long, id: "own-1" })).toBe(true);
    expect(own.save({ ...long, id: "own-2" })).toBe(true);
    expect(own.save({ ...long, id: "own-3" })).toBe(true);
    expect(own.save({ ...long, id: "own-4" })).toBe(false);
  });
});
