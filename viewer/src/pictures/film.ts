/** Pictures one after the other as an MP4 file, encoded by the browser (WebCodecs). */

import { BufferTarget, CanvasSource, getFirstEncodableVideoCodec, Mp4OutputFormat, Output, QUALITY_VERY_HIGH } from "mediabunny";

/** What more programs play comes first: H.264, then what every browser that encodes at all has. */
const CODECS = ["avc", "vp9", "av1"] as const;
const KEY_FRAME_EVERY_S = 1;

export type Codec = (typeof CODECS)[number];

/** What this browser encodes pictures of this size with; undefined when it encodes none. */
export async function codecFor(width: number, height: number): Promise<Codec | undefined> {
  if (!("VideoEncoder" in globalThis)) return undefined;
  const found = await getFirstEncodableVideoCodec([...CODECS], { width, height, quality: QUALITY_VERY_HIGH });
  return CODECS.find((codec) => codec === found);
}

export class Film {
  private readonly output = new Output({ format: new Mp4OutputFormat({ fastStart: "in-memory" }), target: new BufferTarget() });
  private readonly source: CanvasSource;
  private count = 0;

  private constructor(
    canvas: HTMLCanvasElement,
    codec: Codec,
    private readonly rate: number,
  ) {
    this.source = new CanvasSource(canvas, { codec, quality: QUALITY_VERY_HIGH, keyFrameInterval: KEY_FRAME_EVERY_S });
    this.output.addVideoTrack(this.source, { frameRate: rate });
  }

  /** Begin one of what will be on `canvas`, so many pictures a second. */
  static async begin(canvas: HTMLCanvasElement, codec: Codec, rate: number): Promise<Film> {
    const film = new Film(canvas, codec, rate);
    await film.output.start();
    return film;
  }

  /** What is on the canvas now is the next picture. */
  async add(): Promise<void> {
    await this.source.add(this.count / this.rate, 1 / this.rate);
    this.count += 1;
  }

  async end(): Promise<Blob> {
    await this.output.finalize();
    return new Blob([this.output.target.buffer ?? new ArrayBuffer(0)], { type: "video/mp4" });
  }

  async giveUp(): Promise<void> {
    await this.output.cancel();
  }
}
