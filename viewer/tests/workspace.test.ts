import { describe, expect, it } from "vitest";

import { DicomWeb, type SeriesSummary } from "@/dicomweb/client";
import { Http } from "@/dicomweb/http";
import { OpenStudy } from "@/model/study";
import { Workspace } from "@/model/workspace";
import { Likings } from "./kept";

function series(number: number, modality = "OT"): SeriesSummary {
  return {
    studyInstanceUid: "1.2",
    seriesInstanceUid: `1.2.${number}`,
    modality,
    description: "",
    bodyPart: "",
    seriesNumber: number,
    numberOfInstances: 1,
  };
}

function workspace(...all: SeriesSummary[]): Workspace {
  const http = new Http(async () => new Response("[]"));
  const study = new OpenStudy(new DicomWeb(http), "1.2");
  const made = new Workspace(study, new Likings());
  study.series.value = all;
  return made;
}

const shown = ({ panes }: Workspace): (number | undefined)[] =>
  panes.value.map(({ showing }) => showing.value?.series.seriesNumber);

describe("a workspace", () => {
  it("shows the first series with pictures", () => {
    expect(shown(workspace(series(1, "SR"), series(2), series(3)))).toEqual([2]);
    expect(shown(workspace(series(1, "SR")))).toEqual([1]);
  });

  it("fills new viewports with series that none shows, and leaves the rest empty", () => {
    const desk = workspace(series(1), series(2), series(3));
    desk.showSeries(series(2));
    desk.setLayout(2, 2);
    expect(shown(desk)).toEqual([2, 1, 3, undefined]);
    expect(desk.activeIndex.value).toBe(0);
  });

  it("shows a pressed series where its study stands: what is read takes no place of the prior", () => {
    const desk = workspace(series(1), series(2));
    const prior = { ...series(7), studyInstanceUid: "1.3" };
    desk.setLayout(1, 2);
    desk.showSeries(prior, desk.panes.value[1]);
    desk.beside.showSeries(series(2));
    expect(shown(desk)).toEqual([2, 7]);
    expect(desk.activeIndex.value).toBe(0);
    desk.beside.showSeries({ ...prior, seriesNumber: 8, seriesInstanceUid: "1.3.8" });
    expect(shown(desk)).toEqual([2, 8]);
  });

  it("keeps the active viewport when there are fewer", () => {
    const desk = workspace(series(1), series(2), series(3), series(4));
    desk.setLayout(2, 2);
    const last = desk.panes.value[3];
    if (last) desk.activate(last);
    desk.setLayout(1, 2);
    expect(shown(desk)).toEqual([4, 1]);
    expect(desk.active.value).toBe(last);
  });

  it("walks through the series in the active viewport alone", () => {
    const desk = workspace(series(1), series(2), series(3));
    desk.setLayout(1, 2);
    desk.showNeighbour(1);
    expect(shown(desk)).toEqual([2, 2]);
    desk.showNeighbour(-1);
    desk.showNeighbour(-1);
    expect(shown(desk)).toEqual([1, 2]);
  });

  it("follows a series that grows and shows what comes later", () => {
    const desk = workspace();
    expect(shown(desk)).toEqual([undefined]);
    desk.study.series.value = [series(1)];
    desk.setLayout(1, 2);
    desk.study.series.value = [series(1), series(2)];
    expect(shown(desk)).toEqual([1, 2]);
  });

  it("lets a series go that was taken out of the study, and shows another in its place", () => {
    const desk = workspace(series(1), series(2), series(3));
    desk.setLayout(1, 2);
    expect(shown(desk)).toEqual([1, 2]);
    desk.study.series.value = [series(2), series(3)];
    expect(shown(desk)).toEqual([3, 2]);
    desk.study.series.value = [series(2)];
    expect(shown(desk)).toEqual([undefined, 2]);
    desk.study.series.value = [series(1), series(2)]; // restored
    expect(shown(desk)).toEqual([1, 2]);
  });
});
