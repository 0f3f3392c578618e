/** The one part of a multipart answer (RFC 2046), or the answer itself. */

export interface Part {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly contentType: string;
}

const LINE_END = [13, 10];
const HEADERS_END = [...LINE_END, ...LINE_END];

/** Raises Error when the answer calls itself multipart and is not whole. */
export function splitPart(contentType: string, body: Uint8Array<ArrayBuffer>): Part {
  if (!/^multipart\//i.test(contentType)) return { bytes: body, contentType };
  const start = find(body, HEADERS_END, 0);
  const head = new TextDecoder("latin1").decode(body.subarray(0, Math.max(0, start)));
  const lines = head.split("\r\n");
  const boundary = lines.find((line) => line.startsWith("--"));
  if (start < 0 || boundary === undefined) throw new Error("the answer has no part");
  const from = start + HEADERS_END.length;
  const end = findLast(body, [...LINE_END, ...new TextEncoder().encode(boundary)]);
  if (end < from) throw new Error("the answer is not whole");
  const type = lines.find((line) => /^content-type:/i.test(line)) ?? "";
  return { bytes: body.slice(from, end), contentType: type.slice(type.indexOf(":") + 1).trim() };
}

function matches(body: Uint8Array, wanted: readonly number[], at: number): boolean {
  return wanted.every((value, index) => body[at + index] === value);
}

function find(body: Uint8Array, wanted: readonly number[], from: number): number {
  for (let at = from; at <= body.length - wanted.length; at += 1) if (matches(body, wanted, at)) return at;
  return -1;
}

/** The end is looked for from behind: the pixels before it are long, and may hold anything. */
function findLast(body: Uint8Array, wanted: readonly number[]): number {
  for (let at = body.length - wanted.length; at >= 0; at -= 1) if (matches(body, wanted, at)) return at;
  return -1;
}
