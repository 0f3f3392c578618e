import { describe, expect, it } from "vitest";

import { documentAddress, documentForm, videoFormat } from "@/dicomweb/documents";
import { seriesContent } from "@/dicomweb/frames";
import { items, type Dataset, type Element } from "@/dicomweb/json";
import { reportLanguage, reportState, reportTree } from "@/dicomweb/report";

const element = (vr: string, ...Value: unknown[]): Element => ({ vr, Value });
const code = (value: string, meaning: string): Element =>
  element("SQ", { "00080100": element("SH", value), "00080104": element("LO", meaning) });
const uid = { "00080018": element("UI", "1.2.3") };

const encapsulated = (type: string): Dataset => ({ ...uid, "00420012": element("LO", type), "00420011": { vr: "OB", BulkDataURI: "x" } });
const pixels = { "7FE00010": { vr: "OW", BulkDataURI: "x" }, "00280010": element("US", 480) };

describe("the form of an object", () => {
  it("is that of its document, waveform, report or video", () => {
    expect(documentForm(encapsulated("application/pdf"))).toBe("pdf");
    expect(documentForm(encapsulated("TEXT/XML "))).toBe("xml");
    expect(documentForm(encapsulated("model/stl"))).toBe("model");
    expect(documentForm(encapsulated("application/x-unknown"))).toBe("none");
    expect(documentForm({ ...uid, "54000100": element("SQ", {}) })).toBe("waveform");
    expect(documentForm({ ...uid, "0040A730": element("SQ") })).toBe("report");
    expect(documentForm({ ...uid, ...pixels, "00280004": element("CS", "YBR_PARTIAL_420") })).toBe("video");
    expect(documentForm(uid)).toBe("none");
  });

  it("keeps video of any class out of the stack of images", () => {
    const clip = { ...uid, ...pixels, "00082114": element("CS"), "00282114": element("CS", "ISO_14496_10") };
    const still = { "00080018": element("UI", "1.2.4"), ...pixels, "00282114": element("CS", "ISO_10918_1") };
    const { frames, others } = seriesContent("1", "2", [clip, still]);
    expect(frames.map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(["1.2.4"]);
    expect(others).toEqual([clip]);
  });

  it("gives a name to save it under without a word about the patient", () => {
    const series = { studyInstanceUid: "1", seriesInstanceUid: "2", modality: "DOC", description: "", bodyPart: "" };
    const dataset = { ...encapsulated("application/pdf"), "00080060": element("CS", "DOC"), "00080023": element("DA", "20260102") };
    const address = documentAddress({ ...series, seriesNumber: 1, numberOfInstances: 1 }, dataset);
    expect(address.name).toBe("doc-20260102-pdf.pdf");
    expect(address.rendered).toBe("/dicom-web/studies/1/series/2/instances/1.2.3/rendered");
  });

  it("names the streams of video", () => {
    expect(videoFormat("1.2.840.10008.1.2.4.100")).toBe("MPEG-2");
    expect(videoFormat("1.2.840.10008.1.2.4.102.1")).toBe("H.264");
    expect(videoFormat("1.2.840.10008.1.2.4.108")).toBe("H.265");
    expect(videoFormat("1.2.840.10008.1.2.4.90")).toBe("");
  });
});

const said = (value: string, meaning: string): Dataset => ({
  "0040A730": element("SQ", { "0040A043": code("121049", "Language of Content Item and Descendants"), "0040A168": code(value, meaning) }),
});

describe("a report", () => {
  const measured = (value: string, unit: Element): Dataset => ({
    "0040A040": element("CS", "NUM"),
    "0040A043": code("410668003", "Length"),
    "0040A300": element("SQ", { "0040A30A": element("DS", value), "004008EA": unit }),
  });
  const image: Dataset = {
    "0040A040": element("CS", "IMAGE"),
    "00081199": element("SQ", { "00081155": element("UI", "9.1"), "00081160": element("IS", 3) }),
  };
  const report: Dataset = {
    "0040A043": code("126000", "Imaging Measurement Report"),
    "0040A491": element("CS", "COMPLETE"),
    "0040A493": element("CS", "UNVERIFIED"),
    "0040A375": element("SQ", {
      "00081115": element("SQ", { "0020000E": element("UI", "9"), "00081199": element("SQ", { "00081155": element("UI", "9.1") }) }),
    }),
    "0040A730": element(
      "SQ",
      { "0040A040": element("CS", "CONTAINER"), "0040A043": code("1", "Findings"), "0040A730": element("SQ", image) },
      measured("12.5", code("mm", "millimeter")),
      measured("4", code("{H}", "Hounsfield unit")),
      measured("0.7", code("{ratio}", "ratio")),
      { "0040A040": element("CS", "TEXT"), "0040A160": element("UT", "one\r\n\u202Etwo") },
    ),
  };

  it("is read with its headings, units as people write them, and lines as they were written", () => {
    const tree = reportTree(report);
    expect(tree?.name).toBe("Imaging Measurement Report");
    expect(tree?.children.map(({ heads }) => heads)).toEqual([true, false, false, false, false]);
    expect(tree?.children.map(({ value }) => value)).toEqual(["", "12.5 mm", "4 Hounsfield unit", "0.7", "one\ntwo"]);
    expect(reportState(report)).toEqual({ complete: true, verified: false, observers: [] });
  });

  it("names the image of a group's figures once, and leaves coordinates out", () => {
    const figure = (value: string, unit: Element): Dataset => ({
      ...measured(value, unit),
      "0040A730": element("SQ", { "0040A040": element("CS", "SCOORD"), "0040A730": element("SQ", image) }),
    });
    const group = {
      "0040A040": element("CS", "CONTAINER"),
      "0040A730": element(
        "SQ",
        figure("-104.55", code("[hnsf'U]", "Hounsfield unit")),
        figure("2892.1", code("mm2", "square millimeter")),
        { "0040A040": element("CS", "SCOORD"), "0040A730": element("SQ", image) },
      ),
    };
    const lines = reportTree({ ...report, "0040A730": element("SQ", group) })?.children[0]?.children;
    expect(lines?.map(({ value, children, reference }) => [value, children.length, reference?.sopInstanceUid])).toEqual([
      ["-104.55 HU", 0, undefined],
      ["2892.1 mm²", 0, undefined],
      ["", 0, "9.1"],
    ]);
  });

  it("says in which language it is written, where it does", () => {
    expect(reportLanguage(report)).toEqual({ code: "", name: "" });
    expect(reportLanguage(said("kk-KZ", "Kazakh"))).toEqual({ code: "kk-KZ", name: "Kazakh" });
    expect(reportLanguage(said("eng", "English"))).toEqual({ code: "en", name: "English" });
    expect(reportLanguage(said("en-us-us", "odd"))).toEqual({ code: "", name: "odd" });
    expect(reportLanguage(said('x" onclick="', "odd"))).toEqual({ code: "", name: "odd" });
  });

  it("says it once", () => {
    const language = items(said("eng", "English"), "0040A730")[0] as Dataset;
    const part = { "0040A040": element("CS", "CONTAINER"), "0040A043": code("1", "Findings"), "0040A730": element("SQ", language) };
    const children = reportTree({ ...report, "0040A730": element("SQ", language, part) })?.children;
    expect(children?.map(({ name }) => name)).toEqual(["Findings"]);
    expect(children?.[0]?.children).toHaveLength(1); // of a part, which nothing else says
  });

  it("names the series of its images by its evidence", () => {
    const reference = reportTree(report)?.children[0]?.children[0]?.reference;
    expect(reference).toEqual({ sopInstanceUid: "9.1", seriesInstanceUid: "9", frameNumber: 3, isImage: true });
  });
});
