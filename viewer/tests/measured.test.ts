import { describe, expect, test } from "vitest";

import type { Dataset } from "@/dicomweb/json";
import { isSameMeasured, markedImagesOf, measurementsOf, predecessorsOf, wireForm, type Measured } from "@/dicomweb/measured";

const e = (vr: string, ...Value: unknown[]): { vr: string; Value: unknown[] } => ({ vr, Value });
const code = (value: string, meaning = ""): Dataset => ({ "00080100": e("SH", value), "00080104": e("LO", meaning) });
const item = (type: string, concept: string, more: Dataset = {}, ...children: Dataset[]): Dataset => ({
  "0040A040": e("CS", type),
  "0040A043": e("SQ", code(concept)),
  ...(children.length > 0 && { "0040A730": e("SQ", ...children) }),
  ...more,
});
const image = item("IMAGE", "121112", { "00081199": e("SQ", { "00081155": e("UI", "1.2.3"), "00081160": e("IS", 2) }) });
const scoord = (type: string, ...flat: number[]): Dataset =>
  item("SCOORD", "111030", { "00700023": e("CS", type), "00700022": e("FL", ...flat) }, image);
const num = (concept: string, value: string, unit: string, ...children: Dataset[]): Dataset =>
  item("NUM", concept, { "0040A300": e("SQ", { "0040A30A": e("DS", value), "004008EA": e("SQ", code(unit)) }) }, ...children);
const group = (tool: string, ...children: Dataset[]): Dataset =>
  item(
    "CONTAINER",
    "125007",
    {},
    item("TEXT", "112039", { "0040A160": e("UT", tool) }),
    item("UIDREF", "112040", { "0040A124": e("UI", "2.25.7") }),
    ...children,
  );
const report = (...groups: Dataset[]): Dataset => ({
  "00080018": e("UI", "1.9"),
  "00080070": e("LO", "Somebody"),
  "0040A730": e("SQ", item("CONTAINER", "126010", {}, ...groups)),
});
const drawn = (tool: string, ...flat: number[]): Measured | undefined =>
  measurementsOf(report(group(`Cornerstone3DTools@^0.1.0:${tool}`, scoord("POLYLINE", ...flat))))[0];
const only = (...children: Dataset[]): Measured | undefined => measurementsOf(report(group("", ...children)))[0];

describe("measurements of reports", () => {
  test("a length on its line, with its figure and its image", () => {
    const [found] = measurementsOf(report(group("Cornerstone3DTools@^0.1.0:Length", num("410668003", "12.5", "mm", scoord("POLYLINE", 1, 2, 3, 4)))));
    expect(found).toMatchObject({
      uid: "2.25.7",
      kind: "length",
      sopInstanceUid: "1.2.3",
      frameNumber: 2,
      points: [[1, 2], [3, 4]],
      figures: [{ name: "length", value: 12.5, unit: "mm" }],
      foreign: true,
    }); // prettier-ignore
  });

  test("kinds follow from shapes where no tool is named", () => {
    expect(only(scoord("ELLIPSE", 0, 5, 10, 5, 5, 2, 5, 8))?.kind).toBe("ellipse");
    expect(only(scoord("ELLIPSE", 0, 0, 10, 10, 7, 3, 3, 7))?.points).toHaveLength(72); // an oblique one is its outline
    expect(only(scoord("CIRCLE", 5, 5, 8, 5))?.kind).toBe("freehand");
    expect(only(scoord("POLYLINE", 0, 0, 4, 0, 4, 4, 0, 0))?.points).toHaveLength(3);
    expect(only(scoord("POLYLINE", 0, 0, 4, 0, 4, 4))?.open).toBe(true);
    expect(only(scoord("POINT", 1, 1))?.kind).toBe("text");
    expect(only(scoord("POINT", 1, 1), num("112031", "4", "[hnsf'U]"))?.kind).toBe("probe");
    const axes = [num("103339001", "9", "mm", scoord("POLYLINE", 0, 0, 9, 0)), num("103340004", "3", "mm", scoord("POLYLINE", 4, 0, 4, 3))];
    expect(only(...axes)).toMatchObject({ kind: "bidirectional", points: [[0, 0], [9, 0], [4, 0], [4, 3]] }); // prettier-ignore
    const bent = num("1483009", "90", "deg", scoord("POLYLINE", 0, 0, 4, 0, 4, 0, 4, 4));
    expect(only(bent)).toMatchObject({ kind: "angle", points: [[0, 0], [4, 0], [4, 4]] }); // prettier-ignore
  });

  test("places in the patient are kept as such", () => {
    const place = { "00700023": e("CS", "POINT"), "00700022": e("FL", 1, 2, 3), "30060024": e("UI", "1.5") };
    expect(only(item("SCOORD3D", "111030", place))?.space).toEqual({ frameOfReferenceUid: "1.5", points: [[1, 2, 3]] });
  });

  test("what was drawn here on a plane is the tool's again, with the image it was taken from", () => {
    const corners = [[1, 5, 3], [4, 5, 3], [4, 5, 9], [1, 5, 9], [1, 5, 3]].flat(); // prettier-ignore
    const place = { "00700023": e("CS", "POLYGON"), "00700022": e("FD", ...corners), "30060024": e("UI", "1.5") };
    const rectangle = group("Cornerstone3DTools@^0.1.0:RectangleROI", item("SCOORD3D", "111030", place), image);
    const [own] = measurementsOf({ ...report(rectangle), "00080070": e("LO", "Suret") });
    expect(own).toMatchObject({ kind: "rectangle", points: [], sopInstanceUid: "1.2.3", frameNumber: 2 });
    expect(own?.space?.points).toEqual([[1, 5, 3], [4, 5, 3], [4, 5, 9], [1, 5, 9]]); // prettier-ignore
    expect(wireForm(own as Measured)).toMatchObject({ points: [], frame_of_reference_uid: "1.5", space: own?.space?.points });
    const moved = { ...(own as Measured), space: { frameOfReferenceUid: "1.5", points: [[1, 6, 3], [4, 5, 3], [4, 5, 9], [1, 5, 9]] } } as Measured; // prettier-ignore
    expect([isSameMeasured(own as Measured, own), isSameMeasured(own as Measured, moved)]).toEqual([true, false]);
  });

  test("a curve is what it was laid through, its length that of its line", () => {
    const space = { "30060024": e("UI", "1.5") };
    const line = item("SCOORD3D", "121112", { "00700023": e("CS", "POLYLINE"), "00700022": e("FL", 0, 0, 0, 1, 1, 0, 2, 0, 0), ...space });
    const points = item("SCOORD3D", "CURVE_POINTS", { "00700023": e("CS", "MULTIPOINT"), "00700022": e("FL", 0, 0, 0, 2, 0, 0), ...space });
    const name = item("TEXT", "121106", { "0040A160": e("UT", "Aorta") });
    const [own] = measurementsOf({ ...report(group("Suret:Curve", num("410668003", "2.5", "mm", line), points, image, name)), "00080070": e("LO", "Suret") });
    expect(own).toMatchObject({ kind: "curve", label: "Aorta", sopInstanceUid: "1.2.3", figures: [{ name: "length", value: 2.5, unit: "mm" }] });
    expect(own?.space).toEqual({ frameOfReferenceUid: "1.5", points: [[0, 0, 0], [2, 0, 0]] }); // prettier-ignore
    expect(wireForm(own as Measured)).toMatchObject({ kind: "curve", line: [[0, 0, 0], [1, 1, 0], [2, 0, 0]] }); // prettier-ignore
  });

  test("a region that lies partly outside the image is told so, and is so again when it is saved", () => {
    const extent = item("CODE", "REGION_EXTENT", { "0040A168": e("SQ", code("PARTLY_OUTSIDE")) });
    const found = only(scoord("POLYLINE", 0, 0, 4, 0, 4, 4, 0, 0), extent);
    expect(wireForm(found as Measured)).toMatchObject({ partly_outside: true });
    expect("partly_outside" in wireForm(only(scoord("POLYLINE", 0, 0, 4, 0, 4, 4, 0, 0)) as Measured)).toBe(false);
  });

  test("what has no figure is the tool's again, too", () => {
    expect(drawn("Length", 1, 2, 3, 4)).toMatchObject({ kind: "length", figures: [] });
    expect(drawn("Angle", 0, 0, 4, 0, 4, 0, 4, 4)).toMatchObject({ kind: "angle", points: [[0, 0], [4, 0], [4, 4]] }); // prettier-ignore
    expect(drawn("Bidirectional", 0, 0, 9, 0, 4, 0, 4, 3)).toMatchObject({ kind: "bidirectional" });
    expect(drawn("CobbAngle", 0, 0, 9, 0, 4, 1, 4, 3)).toMatchObject({ kind: "cobb" });
  });

  test("what is not whole is left out", () => {
    expect(only()).toBeUndefined();
    expect(only(scoord("POLYLINE"))).toBeUndefined();
    expect(measurementsOf({})).toEqual([]);
  });
});

test("what a reader cannot see is no difference", () => {
  const one = only(scoord("POLYLINE", 1, 2, 3, 4)) as Measured;
  expect(isSameMeasured(one, { ...one, points: [[1.001, 2], [3, 4]] })).toBe(true); // prettier-ignore
  expect(isSameMeasured(one, { ...one, points: [[1.5, 2], [3, 4]] })).toBe(false); // prettier-ignore
  expect(isSameMeasured(one, { ...one, label: "x" })).toBe(false);
  expect(isSameMeasured(one, undefined)).toBe(false);
});

test("references to earlier reports and to marked images", () => {
  const reference = { "00081155": e("UI", "1.7") };
  const before = { "0040A360": e("SQ", { "00081115": e("SQ", { "00081199": e("SQ", reference) }) }) };
  expect(predecessorsOf(before)).toEqual(["1.7"]);
  const whole = item("IMAGE", "", { "00081199": e("SQ", reference) });
  expect(markedImagesOf({ "0040A730": e("SQ", image, whole) })).toEqual(["1.2.3#2", "1.7#*"]);
});

test("axes in another order are the same ellipse", () => {
  const circle = { ...(only(scoord("ELLIPSE", 408, 496, 428, 496, 418, 486, 418, 506)) as Measured) };
  const again = { ...circle, points: [[418, 486], [418, 506], [428, 496], [408, 496]] as const }; // prettier-ignore
  expect(isSameMeasured(circle, again)).toBe(true);
  expect(isSameMeasured(circle, { ...again, points: [[418, 486], [418, 507], [428, 496], [408, 496]] })).toBe(false); // prettier-ignore
  expect(isSameMeasured({ ...circle, kind: "rectangle" }, { ...again, kind: "rectangle" })).toBe(false);
});

test("millimetres of the detector stay those of the detector", () => {
  const method = item("CODE", "370129005", { "0040A168": e("SQ", code("AT_DETECTOR")) });
  const found = only(num("410668003", "97.1", "mm", scoord("POLYLINE", 1, 2, 3, 4), method));
  expect(found?.figures).toEqual([{ name: "length", value: 97.1, unit: "mm", at_detector: true }]);
});
