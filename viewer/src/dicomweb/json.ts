/** Reading the DICOM JSON model (PS3.18 F.2): data sets keyed by eight upper-case hex digits. */

export interface Element {
  readonly vr: string;
  readonly Value?: readonly unknown[];
  readonly BulkDataURI?: string;
  readonly InlineBinary?: string;
}

export type Dataset = Readonly<Record<string, Element>>;

/** The attributes the viewer reads, by the standard's keywords. */
export const Tag = {
  SpecificCharacterSet: "00080005",
  ImageType: "00080008",
  SOPClassUID: "00080016",
  SOPClassesInStudy: "00080062",
  SOPInstanceUID: "00080018",
  StudyDate: "00080020",
  SeriesDate: "00080021",
  ContentDate: "00080023",
  StudyTime: "00080030",
  AccessionNumber: "00080050",
  ContentTime: "00080033",
  Modality: "00080060",
  ModalitiesInStudy: "00080061",
  StudyDescription: "00081030",
  SeriesDescription: "0008103E",
  Manufacturer: "00080070",
  CodeMeaning: "00080104",
  AvailableTransferSyntaxUID: "00083002",
  PatientName: "00100010",
  PatientID: "00100020",
  IssuerOfPatientID: "00100021",
  PatientBirthDate: "00100030",
  PatientSex: "00100040",
  BodyPartExamined: "00180015",
  SliceThickness: "00180050",
  ImagerPixelSpacing: "00181164",
  StudyInstanceUID: "0020000D",
  SeriesInstanceUID: "0020000E",
  SeriesNumber: "00200011",
  InstanceNumber: "00200013",
  PatientOrientation: "00200020",
  ImagePositionPatient: "00200032",
  ImageOrientationPatient: "00200037",
  NumberOfSeriesRelatedInstances: "00201209",
  SamplesPerPixel: "00280002",
  PhotometricInterpretation: "00280004",
  NumberOfFrames: "00280008",
  Rows: "00280010",
  Columns: "00280011",
  PixelSpacing: "00280030",
  PixelAspectRatio: "00280034",
  BitsAllocated: "00280100",
  BitsStored: "00280101",
  HighBit: "00280102",
  PixelRepresentation: "00280103",
  WindowCenter: "00281050",
  WindowWidth: "00281051",
  WindowCenterWidthExplanation: "00281055",
  LossyImageCompression: "00282110",
  LossyImageCompressionMethod: "00282114",
  DocumentTitle: "00420010",
  EncapsulatedDocument: "00420011",
  MIMETypeOfEncapsulatedDocument: "00420012",
  ValueType: "0040A040",
  ConceptNameCodeSequence: "0040A043",
  TextValue: "0040A160",
  DateTime: "0040A120",
  Date: "0040A121",
  Time: "0040A122",
  PersonName: "0040A123",
  UID: "0040A124",
  ConceptCodeSequence: "0040A168",
  MeasuredValueSequence: "0040A300",
  MeasurementUnitsCodeSequence: "004008EA",
  NumericValue: "0040A30A",
  ContentSequence: "0040A730",
  SharedFunctionalGroupsSequence: "52009229",
  PerFrameFunctionalGroupsSequence: "52009230",
  FloatPixelData: "7FE00008",
  DoubleFloatPixelData: "7FE00009",
  WaveformSequence: "54000100",
  PixelData: "7FE00010",
} as const;

/** Control and direction-changing characters: a name never reorders or hides its neighbours on the screen. */
const UNSAFE = /[\u0000-\u001F\u007F-\u009F\u200E\u200F\u202A-\u202E\u2066-\u2069]+/gu; // oxlint-disable-line no-control-regex

/** Text fit for the screen: one line, no control or bidirectional characters. */
export function cleanText(text: string): string {
  return text.replace(UNSAFE, " ").replace(/\s+/gu, " ").trim();
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function valueText(value: unknown): string {
  if (typeof value === "string") return cleanText(value);
  if (typeof value === "number") return String(value);
  if (isRecord(value)) return personName(value);
  return "";
}

/** A PN value: `{"Alphabetic": …}`; without an alphabetic group the ideographic or phonetic one. */
function personName(groups: Record<string, unknown>): string {
  const group = [groups["Alphabetic"], groups["Ideographic"], groups["Phonetic"]].find(
    (name) => typeof name === "string" && name !== "",
  );
  return typeof group === "string" ? formatPersonName(group) : "";
}

/** `SURNAME^Given^Middle` as people read it: components separated by spaces, the alphabetic group only. */
export function formatPersonName(name: string): string {
  const groups = name.split("=").map((group) => cleanText(group.replaceAll("^", " ")));
  return groups.find((group) => group !== "") ?? "";
}

/** The first value as text; "" when the element is absent or empty. */
export function text(dataset: Dataset, tag: string): string {
  return valueText(dataset[tag]?.Value?.[0]);
}

/** The first value as text that keeps its lines (VR LT, ST, UT). */
export function lines(dataset: Dataset, tag: string): string {
  const value = dataset[tag]?.Value?.[0];
  return typeof value === "string" ? value.trim().split(/\r\n?|\n/u).map(cleanText).join("\n") : text(dataset, tag);
}

/** Every value as text. */
export function texts(dataset: Dataset, tag: string): string[] {
  return (dataset[tag]?.Value ?? []).map(valueText);
}

/** Every value as a number; DS and IS may come as text. Values that are no numbers are left out. */
export function numbers(dataset: Dataset, tag: string): number[] {
  return (dataset[tag]?.Value ?? [])
    .map((value) => (typeof value === "number" ? value : typeof value === "string" ? Number.parseFloat(value) : NaN))
    .filter((value) => Number.isFinite(value));
}

/** The first value as a number. */
export function number(dataset: Dataset, tag: string): number | undefined {
  return numbers(dataset, tag)[0];
}

/** The items of a sequence; none when it is absent. */
export function items(dataset: Dataset, tag: string): Dataset[] {
  return (dataset[tag]?.Value ?? []).filter(isDataset);
}

function isElement(value: unknown): value is Element {
  return isRecord(value) && typeof value["vr"] === "string";
}

export function isDataset(value: unknown): value is Dataset {
  return isRecord(value) && Object.values(value).every(isElement);
}

/** An answer of QIDO-RS or of a metadata resource: what is no data set is left out. */
export function datasets(value: unknown): Dataset[] {
  return Array.isArray(value) ? value.filter(isDataset) : [];
}

/** The bytes of an InlineBinary (PS3.18 F.2.7), or of any other Base64. */
export function fromBase64(encoded: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(encoded), (one) => one.charCodeAt(0));
}

const OWN_MANUFACTURER = "Suret";

/** Whether a node of this product made it. */
export function isOwn(dataset: Dataset): boolean {
  return text(dataset, Tag.Manufacturer) === OWN_MANUFACTURER;
}
