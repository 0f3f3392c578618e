/** What has come of an answer: more of it can be asked for later, from there on. */

export class Arrival {
  contentType = "";
  /** Bytes that are here, and those of the whole; 0: not known. */
  received = 0;
  total = 0;
  private etag = "";
  private parts: Uint8Array[] = [];
  private ended = false;

  constructor(private readonly accept: string) {}

  get isWhole(): boolean {
    return this.ended || (this.total > 0 && this.received >= this.total);
  }

  /** Whether the rest alone can be asked for. */
  get lasts(): boolean {
    return this.received > 0 && this.etag !== "";
  }

  /** Headers that ask for what is not here. */
  request(): Record<string, string> {
    const asked = { Accept: this.accept };
    return this.lasts ? { ...asked, Range: `bytes=${this.received}-`, "If-Range": this.etag } : asked;
  }

  /** The node answers: with the rest, or from the beginning, where it is no longer the same. */
  begin({ status, headers }: Pick<Response, "status" | "headers">): void {
    const [, from, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get("Content-Range") ?? "") ?? [];
    const goesOn = status === 206 && Number(from) === this.received;
    if (status === 206 && !goesOn) throw new TypeError("another range was answered than was asked for");
    if (!goesOn) [this.parts, this.received] = [[], 0];
    this.total = goesOn ? Number(total) : headers.has("Content-Encoding") ? 0 : Number(headers.get("Content-Length"));
    this.contentType = headers.get("Content-Type") ?? "";
    this.etag = headers.get("ETag") ?? "";
  }

  add(bytes: Uint8Array): void {
    this.parts.push(bytes);
    this.received += bytes.length;
  }

  /** The answer is over; of one whose length was not told, all is here. */
  end(): void {
    this.ended = this.total === 0;
  }

  /** What is here, in one piece. */
  joined(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.received);
    let at = 0;
    for (const part of this.parts) {
      bytes.set(part, at);
      at += part.length;
    }
    this.parts = [bytes];
    return bytes;
  }
}
