/** Frames of which the browser's decoders are known to make another picture than the sender meant; the node decodes them. */

export type Doubt = "colours" | "depth" | "planes" | "sign";

interface FrameHeader {
  readonly photometricInterpretation?: string;
  readonly bitsStored?: number;
  readonly pixelRepresentation?: number;
}

const JPEG_BASELINE = "1.2.840.10008.1.2.4.50";
const JPEG_TWELVE_BITS = new Set(["1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.53", "1.2.840.10008.1.2.4.55"]);
const JPEG_LS = new Set(["1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"]);
const JPEG_2000 = new Set(["1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"]);

/**
 * What speaks against decoding this compressed frame here: of a JPEG that does not say what its colours are, the header does,
 * but the browser takes them for luminance and chroma; its decoder of 12-bit
 * JPEG errs, and that of JPEG-LS leaves colours that were coded one after the other in planes; the sign in a JPEG 2000 codestream may differ from the header's.
 */
export function doubtOf(header: FrameHeader, transferSyntax: string, bytes: Uint8Array): Doubt | undefined {
  if (transferSyntax === JPEG_BASELINE && header.photometricInterpretation === "RGB" && !tellsColours(bytes)) return "colours";
  if (JPEG_TWELVE_BITS.has(transferSyntax) && (header.bitsStored ?? 8) > 8) return "depth";
  if (JPEG_LS.has(transferSyntax) && isInPlanes(bytes)) return "planes";
  if (JPEG_2000.has(transferSyntax)) {
    const signed = signInCodestream(bytes);
    if (signed !== undefined && signed !== (header.pixelRepresentation === 1)) return "sign";
  }
  return undefined;
}

/** Called where Cornerstone is about to decode (see vite.config.ts). Raises Error when the node has to do it. */
export function refuseDoubtful(header: FrameHeader, transferSyntax: string, bytes: Uint8Array): void {
  const doubt = doubtOf(header, transferSyntax, bytes);
  if (doubt) throw new Error(`not decoded here: ${doubt}`);
}

interface ScaledFrame {
  readonly pixelData?: unknown;
  readonly preScale?: {
    readonly scaled?: boolean;
    readonly scalingParameters?: { readonly rescaleSlope?: number; readonly rescaleIntercept?: number };
  };
}

/**
 * Called where Cornerstone has decoded and rescaled: it chooses whole numbers when the smallest and the largest value
 * are whole, and cuts the fractions between them. Raises Error when the node's cells have to be rescaled here instead.
 */
export function refuseRounded({ pixelData, preScale }: ScaledFrame): void {
  const { rescaleSlope = 1, rescaleIntercept = 0 } = preScale?.scalingParameters ?? {};
  const whole = Number.isInteger(rescaleSlope) && Number.isInteger(rescaleIntercept);
  if (preScale?.scaled && !whole && !(pixelData instanceof Float32Array)) throw new Error("values were rounded");
}

const [APP0, APP14, START_OF_FRAME, ADOBE_LENGTH] = [0xe0, 0xee, 0xc0, 14];

/** Whether a JPEG says which colours it holds: JFIF and Adobe markers do, and components named R, G, B. */
function tellsColours(bytes: Uint8Array): boolean {
  const word = (at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  for (let at = 2; at + 4 < bytes.length && bytes[at] === 0xff; at += 2 + word(at + 2)) {
    const marker = bytes[at + 1];
    const named = String.fromCharCode(...bytes.subarray(at + 4, at + 9));
    if (marker === APP0 && named.startsWith("JFIF")) return true;
    if (marker === APP14 && named === "Adobe" && word(at + 2) >= ADOBE_LENGTH) return true;
    if (marker === START_OF_FRAME) return String.fromCharCode(bytes[at + 10] ?? 0).toUpperCase() === "R";
  }
  return false;
}

const [START_OF_LS_FRAME, START_OF_SCAN] = [0xf7, 0xda];

/** Whether each component of a JPEG-LS has a scan of its own (ISO 14495-1 C.2). */
function isInPlanes(bytes: Uint8Array): boolean {
  let components = 1;
  for (let at = 2; at + 9 < bytes.length && bytes[at] === 0xff; at += 2 + (((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0))) {
    if (bytes[at + 1] === START_OF_LS_FRAME) components = bytes[at + 9] ?? 1;
    if (bytes[at + 1] === START_OF_SCAN) return components > 1 && bytes[at + 4] === 1;
  }
  return false;
}

const SIZ = [0xff, 0x4f, 0xff, 0x51]; // ISO 15444-1 A.4.1, A.5.1: the size marker follows the start of the codestream
const DEPTH_OF_FIRST = 40; // Ssiz of the first component: bit 7 is the sign
const SEARCHED = 4096;

function signInCodestream(bytes: Uint8Array): boolean | undefined {
  for (let at = 0; at < Math.min(SEARCHED, bytes.length - DEPTH_OF_FIRST - 2); at += 1) {
    if (SIZ.every((byte, index) => bytes[at + index] === byte)) return ((bytes[at + DEPTH_OF_FIRST + 2] ?? 0) & 0x80) !== 0;
  }
  return undefined;
}
