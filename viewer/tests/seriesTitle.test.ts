import { afterAll, expect, it } from "vitest";

import type { SeriesSummary } from "@/dicomweb/client";
import { setLanguage } from "@/i18n";
import { seriesTitle } from "@/ui/seriesTitle";

const SERIES: SeriesSummary = {
  studyInstanceUid: "1.1",
  seriesInstanceUid: "1.1.1",
  modality: "SR",
  description: "Measurements",
  bodyPart: "",
  seriesNumber: 9,
  numberOfInstances: 1,
};

afterAll(() => setLanguage("en"));

it("of an object that the node made is in the reader's language, and of others what they say", async () => {
  await setLanguage("ky");
  expect(seriesTitle({ ...SERIES, own: true })).toBe("Өлчөөлөр");
  expect(seriesTitle({ ...SERIES, own: true, description: "Corrected by somebody" })).toBe("Corrected by somebody");
  expect(seriesTitle({ ...SERIES, own: false })).toBe("Measurements");
});
