/** A blending presentation state (PS3.3 A.33.4) as what lies over the images of a stack. */

import { fromBase64, number, numbers, text, type Dataset } from "@/dicomweb/json";
import type { Frame } from "@/dicomweb/frames";
import { volumeOf } from "@/dicomweb/geometry";
import { blendingItem, referencesOf, rescalingOf, windowOf } from "@/dicomweb/presentation";
import { refusalOf, type Fusion } from "@/model/fusion";

const FRAME_OF_REFERENCE_UID = "00200052";
const RELATIVE_OPACITY = "00700403";
const REGISTRATION = "00700404";
const VOI_LUT_FUNCTION = "00281056";
const COLOURS = ["1", "2", "3"].map((number) => ({ descriptor: `0028110${number}`, data: `0028120${number}` }));

/** The name of the window and of the palette that a state has. */
export const OF_STATE = "display-state";

/** Red, green and blue of each entry, 0 to 1; undefined where they are not in the metadata as plain tables. */
export function paletteOf(state: Dataset): readonly number[] | undefined {
  const tables = COLOURS.map(({ descriptor, data }) => {
    const [count = 0, , bits = 16] = numbers(state, descriptor);
    const inline = state[data]?.InlineBinary;
    if (!inline) return undefined;
    const [bytes, length] = [fromBase64(inline), count || 1 << 16];
    if (bits === 8 && bytes.length < 2 * length) return bytes.length < length ? undefined : Array.from(bytes.slice(0, length), (value) => value / 255);
    const view = new DataView(bytes.buffer);
    if (bytes.length < 2 * length) return undefined;
    return Array.from({ length }, (_, index) => view.getUint16(2 * index, true) / (bits === 8 ? 255 : 65535));
  });
  const [red, green, blue] = tables;
  if (!red || green?.length !== red.length || blue?.length !== red.length) return undefined;
  return red.flatMap((value, index) => [value, green[index] ?? 0, blue[index] ?? 0]);
}

/** What of a series is superimposed by a state. */
export function superimposedIn(state: Dataset, frames: readonly Frame[]): Frame[] {
  const meant = referencesOf(blendingItem(state, "SUPERIMPOSED") ?? {});
  return frames.filter(({ sopInstanceUid, frameNumber }) => meant.some(({ uid, frame }) => uid === sopInstanceUid && (frame === 0 || frame === frameNumber)));
}

/** How the state lays `over` on `beneath`; undefined where only the node can make a picture of it. */
export function blendingOf(state: Dataset, base: string, beneath: readonly Frame[], over: Pick<Fusion, "over">["over"], frames: readonly Frame[]): Fusion | undefined {
  const [item, colours, opacity] = [blendingItem(state, "SUPERIMPOSED"), paletteOf(state), number(state, RELATIVE_OPACITY)];
  const [below] = beneath;
  const found = volumeOf(superimposedIn(state, frames));
  const above = found.volume?.frames[0];
  if (!item || !colours || opacity === undefined || !below || !above || REGISTRATION in state) return undefined;
  if (refusalOf({ frames: beneath, frameOfReferenceUid: text(below.dataset, FRAME_OF_REFERENCE_UID) }, found) || !found.volume) return undefined;
  const curved = Object.values(item["00283110"]?.Value ?? []).some((voi) => text(voi as Dataset, VOI_LUT_FUNCTION) === "SIGMOID" || "00283010" in (voi as Dataset));
  const window = windowOf(item, above);
  const { slope } = rescalingOf(item, above);
  if (curved || !window || !(slope > 0) || text(above.dataset, "00280004") !== "MONOCHROME2") return undefined;
  const preset = { name: OF_STATE, label: { key: "states.own" }, kind: "values", window } as const;
  return { base, over, volume: found.volume, colours: `${OF_STATE} ${text(state, "00080018")}`, palette: colours, opacity, ramped: false, preset };
}
