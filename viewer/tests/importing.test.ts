import { describe, expect, it, vi } from "vitest";

import { Http } from "@/dicomweb/http";
import { BATCH_BYTES, BATCH_FILES, grouped, matched, multipart, newBoundary } from "@/importing/batches";
import { Imports } from "@/importing/imports";
import { kindOf, printOf, type Picked } from "@/importing/files";

const picked = (path: string, content: BlobPart, lastModified = 1): Picked => ({
  path,
  file: new File([content], path.split("/").at(-1) ?? "", { lastModified }),
});
const head = (magic: string): string => `${"\0".repeat(128)}${magic}`;
const sized = (size: number): Picked => ({ path: "x", file: { size } as File });
const begun = (...of: Picked[]) => ({ location: "/api/uploads/1", boundary: "x", prints: of.map(({ file }) => printOf(file)) });

describe("what a file is", () => {
  it.each([
    ["IM0001", head("DICM rest"), "dicom"],
    ["DICOMDIR", head("DICM rest"), "dicomdir"],
    ["DICOMDIR (1)", head("DICM group \u0002\u0000\u0002\u0000UI\u0016\u00001.2.840.10008.1.3.10\0\0"), "dicomdir"],
    ["IM0002", head("DICM group \u0002\u0000\u0002\u0000UI\u001a\u00001.2.840.10008.5.1.4.1.1.2\0"), "dicom"],
    ["study.zip", "PK\u0003\u0004rest", "zip"],
    ["study.rar", "Rar!\u001a\u0007", "archive"],
    ["disc.iso", "anything", "archive"],
    ["empty.dcm", "", "empty"],
    ["readme.txt", "DICM is not here", "other"],
  ])("%s", async (name, content, kind) => {
    expect(await kindOf(picked(name, new Uint8Array([...content].map((letter) => letter.charCodeAt(0)))).file)).toBe(kind);
  });
});

it("counts a table of contents as no file that was left out", async () => {
  vi.stubGlobal("addEventListener", () => {});
  const imports = new Imports(new Http(async () => Response.json({})), "reader");
  await imports.add([picked("DICOMDIR", head("DICM rest")), picked("readme.txt", "text")]);
  expect(imports.counts()).toMatchObject({ leftOut: 1, notNeeded: 1 });
  imports.discard();
  vi.unstubAllGlobals();
});

describe("batches", () => {
  it("hold so many files and bytes, and a large file goes alone", () => {
    expect(grouped(Array.from({ length: BATCH_FILES + 1 }, () => sized(1))).map((group) => group.length)).toEqual([BATCH_FILES, 1]);
    expect(grouped([sized(1), sized(BATCH_BYTES), sized(1)]).map((group) => group.length)).toEqual([1, 1, 1]);
    expect(grouped([])).toEqual([]);
  });

  it("are the same bytes for the same files, and say where each file lies in them", async () => {
    const files = [picked("a", "first"), picked("b/c", "second")];
    const boundary = newBoundary();
    const { body, members, contentType } = multipart(files, boundary);
    const text = await body.text();
    expect(await multipart(files, boundary).body.text()).toBe(text);
    expect(contentType).toContain(boundary);
    expect(members.map(({ start, end }) => text.slice(start, end))).toEqual(["first", "second"]);
    expect(text.split(`--${boundary}`)).toHaveLength(4);
    expect(text.endsWith(`--${boundary}--\r\n`)).toBe(true);
  });
});

describe("an upload that was begun before", () => {
  const files = [picked("a", "1", 5), picked("b", "22", 6), picked("c", "333", 7)];

  it("goes on with the same files in their order, wherever they were chosen", () => {
    const [a, b] = files as [Picked, Picked, Picked];
    const one = begun(b, a);
    const elsewhere = files.map((file) => ({ ...file, path: `disc/${file.path}` }));
    expect([...matched([one], elsewhere).values()].map((group) => group.map(({ path }) => path))).toEqual([["disc/b", "disc/a"]]);
  });

  it("waits for its other files, and takes none that has changed", () => {
    const [a, b] = files as [Picked, Picked, Picked];
    expect(matched([begun(a, b)], [a]).size).toBe(0);
    expect(matched([begun(a)], [picked("a", "1", 9)]).size).toBe(0);
  });

  it("uses each of two alike files once", () => {
    const [a] = files as [Picked];
    expect(matched([begun(a), begun(a)], [a]).size).toBe(1);
    expect(matched([begun(a, a)], [a]).size).toBe(0);
  });
});
