/** The tiles of a slide: fetched by frame, the nearest first, a few at a time; what is no longer wanted is dropped. */

import { framePath, seriesPath, type SeriesSummary } from "@/dicomweb/client";
import { Http, isAborted } from "@/dicomweb/http";
import { datasets, Tag, text, type Dataset } from "@/dicomweb/json";
import { reach } from "@/dicomweb/reach";
import type { Tile } from "@/dicomweb/slide";
import { isPhone } from "@/model/device";
import { slideWindow } from "@/model/slideWindow";

const AT_ONCE = 6;
const MEBIBYTE = 1 << 20;
const BYTES_A_PIXEL = 4;
const JPEG_BASELINE = "1.2.840.10008.1.2.4.50";
const RENDERED_QUALITY = 92;

type State = { readonly picture: ImageBitmap } | "failed";

export function tileKey({ sopInstanceUid, frameNumber }: Tile): string {
  return `${sopInstanceUid}#${frameNumber}`;
}

export class Tiles {
  /** The latest used last. */
  private readonly kept = new Map<string, State>();
  private readonly open = new Map<string, AbortController>();
  private wanted: readonly Tile[] = [];
  private bytes = 0;
  private closed = false;
  private readonly most = (isPhone() ? 64 : 256) * MEBIBYTE;
  /** The objects whose tiles a browser decodes as they are stored. */
  private readonly stored: Promise<ReadonlySet<string>>;

  /** What all tiles are shown through, where the slide names nothing. */
  private readonly window: Promise<string | undefined>;

  constructor(
    private readonly series: SeriesSummary,
    objects: readonly Dataset[],
    /** Another tile is here. */
    private readonly arrived: () => void,
  ) {
    this.stored = this.storedAsJpeg(objects);
    this.window = slideWindow(series, objects);
  }

  get waiting(): number {
    return this.open.size + this.wanted.length;
  }

  get failed(): number {
    return [...this.kept.values()].filter((state) => state === "failed").length;
  }

  picture(tile: Tile): ImageBitmap | undefined {
    const key = tileKey(tile);
    const state = this.kept.get(key);
    if (!state || state === "failed") return undefined;
    this.kept.delete(key);
    this.kept.set(key, state);
    return state.picture;
  }

  /** Have these, the first first, and none of those that were wanted before. */
  want(tiles: readonly Tile[]): void {
    const keys = new Set(tiles.map(tileKey));
    for (const [key, abort] of this.open) if (!keys.has(key)) abort.abort();
    this.wanted = tiles.filter((tile) => !this.kept.has(tileKey(tile)) && !this.open.has(tileKey(tile)));
    this.next();
  }

  /** What could not be had is asked for again. */
  retry(): void {
    for (const [key, state] of this.kept) if (state === "failed") this.kept.delete(key);
  }

  close(): void {
    this.closed = true;
    this.wanted = [];
    for (const abort of this.open.values()) abort.abort();
    for (const state of this.kept.values()) if (state !== "failed") state.picture.close();
    this.kept.clear();
  }

  private next(): void {
    while (this.open.size < AT_ONCE && this.wanted.length > 0) {
      const [tile, ...others] = this.wanted;
      this.wanted = others;
      if (tile) void this.load(tile);
    }
  }

  private async load(tile: Tile): Promise<void> {
    const key = tileKey(tile);
    const abort = new AbortController();
    this.open.set(key, abort);
    try {
      const picture = await this.fetched(tile, abort.signal);
      if (this.closed) picture.close();
      else this.keep(key, picture);
    } catch (error) {
      if (!isAborted(error) && !this.closed) this.kept.set(key, "failed");
    }
    if (this.open.get(key) === abort) this.open.delete(key);
    if (this.closed) return;
    this.arrived();
    this.next();
  }

  private async fetched(tile: Tile, signal: AbortSignal): Promise<ImageBitmap> {
    const { studyInstanceUid, seriesInstanceUid } = this.series;
    const path = framePath({ studyInstanceUid, seriesInstanceUid, ...tile });
    const asStored = (await this.stored).has(tile.sopInstanceUid);
    const window = asStored ? undefined : await this.window;
    const shown = window ? `&window=${window}` : "";
    const answer = await reach(asStored ? path : `${path}/rendered?quality=${RENDERED_QUALITY}${shown}`, {
      headers: { Accept: asStored ? `image/jpeg; transfer-syntax=${JPEG_BASELINE}` : "image/jpeg" },
      credentials: "same-origin",
      signal,
    });
    if (!answer.ok) throw new Error(`the node answered ${answer.status}`);
    return createImageBitmap(await answer.blob());
  }

  private keep(key: string, picture: ImageBitmap): void {
    this.kept.set(key, { picture });
    this.bytes += picture.width * picture.height * BYTES_A_PIXEL;
    for (const [old, state] of this.kept) {
      if (this.bytes <= this.most || old === key) break;
      this.kept.delete(old);
      if (state === "failed") continue;
      this.bytes -= state.picture.width * state.picture.height * BYTES_A_PIXEL;
      state.picture.close();
    }
  }

  /** Baseline JPEG with its usual colours goes as it is; what browsers would take for other colours does not. */
  private async storedAsJpeg(objects: readonly Dataset[]): Promise<ReadonlySet<string>> {
    const usual = new Set(
      objects
        .filter((dataset) => /^(YBR_FULL(_422)?|MONOCHROME2)$/.test(text(dataset, Tag.PhotometricInterpretation)))
        .map((dataset) => text(dataset, Tag.SOPInstanceUID)),
    );
    const { studyInstanceUid, seriesInstanceUid } = this.series;
    const path = `${seriesPath(studyInstanceUid, seriesInstanceUid)}/instances?includefield=AvailableTransferSyntaxUID`;
    try {
      const answer = datasets(await new Http().json(path, { accept: "application/dicom+json" }));
      const jpeg = answer.filter((one) => text(one, Tag.AvailableTransferSyntaxUID) === JPEG_BASELINE);
      return new Set(jpeg.map((one) => text(one, Tag.SOPInstanceUID)).filter((uid) => usual.has(uid)));
    } catch {
      return new Set(); // the node's pictures will do
    }
  }
}
