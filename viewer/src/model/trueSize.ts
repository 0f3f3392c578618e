/** Images as large on the screen as what they show: how large this display is, which its owner measured, and what that means for an image. */

import { signal } from "@preact/signals";

import type { Dataset } from "@/dicomweb/json";
import { isInMillimetres, spacingOf, spatialRegions, type SpacingBasis } from "@/dicomweb/spacing";
import type { Pane } from "@/model/pane";

const KEPT = "suret.display.size";
const LIKELY = { least: 1, most: 60 }; // device pixels a mm: from walls to phones
const ALIKE = 1e-3;
const TRUE_WITHIN = 0.005; // of the size

/** Things that everybody has, in mm: a bank card (ISO 7810 ID-1) by its long and its short side, ten centimetres of a ruler. */
export const REFERENCES = { cardLong: 85.6, cardShort: 53.98, ruler: 100 } as const;
export type Reference = keyof typeof REFERENCES;

/** The display by what a browser tells of it: another one, or another resolution, has another name. */
function nameOfDisplay(): string {
  return `${globalThis.screen?.width ?? 0}x${globalThis.screen?.height ?? 0}`;
}

function kept(): Readonly<Record<string, unknown>> {
  try {
    const found: unknown = JSON.parse(globalThis.localStorage?.getItem(KEPT) ?? "{}");
    return typeof found === "object" && found !== null ? (found as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}

function known(): number | undefined {
  const value = kept()[nameOfDisplay()];
  return typeof value === "number" && value >= LIKELY.least && value <= LIKELY.most ? value : undefined;
}

/** Device pixels a millimetre on this display; undefined until somebody measured it. The browser keeps it, not the node. */
export const pixelsPerMm = signal(known());

globalThis.addEventListener?.("storage", ({ key }) => {
  if (key === KEPT) pixelsPerMm.value = known(); // measured in another window
});

/** This many pixels of the device, or unknown from now on. */
export function calibrate(value: number | undefined): void {
  const { [nameOfDisplay()]: _, ...others } = kept();
  globalThis.localStorage?.setItem(KEPT, JSON.stringify(value === undefined ? others : { ...others, [nameOfDisplay()]: value }));
  pixelsPerMm.value = known();
}

export interface Size {
  /** Between the centres of neighbouring columns, mm. */
  readonly column: number;
  /** What millimetres mean in this image. */
  readonly basis: SpacingBasis;
}

/** How large the pixels of an image are; undefined where it does not say, or its regions do not agree. */
export function sizeOf(dataset: Dataset): Size | undefined {
  const spacing = spacingOf(dataset);
  if (isInMillimetres(spacing)) return { column: spacing.column, basis: spacing.basis };
  const [first, ...others] = spatialRegions(dataset);
  if (spacing.basis !== "region" || !first) return undefined;
  const agree = others.every(({ mmPerColumn }) => Math.abs(mmPerColumn - first.mmPerColumn) < ALIKE * first.mmPerColumn);
  return agree ? { column: first.mmPerColumn, basis: "region" } : undefined;
}

/** Whether the viewport shows an image whose size is known. */
export function hasTrueSize({ controls, frame }: Pane): boolean {
  return controls.value?.displayedArea !== undefined && frame.value !== undefined && sizeOf(frame.value.dataset) !== undefined;
}

/** An image was to be shown so, and nobody has measured the display. */
export const unmeasured = signal(false);

/** Show the image of the viewport as large as it is; ask for the display's size where that is not known. */
export function showTrueSize(pane: Pane): void {
  const frame = pane.frame.peek();
  const size = frame && sizeOf(frame.dataset);
  const { scale } = pane.view.peek();
  if (!size || !scale || !pane.controls.peek()?.displayedArea) return;
  const wanted = pixelsPerMm.peek();
  if (wanted === undefined) unmeasured.value = true;
  else pane.controls.peek()?.zoomBy?.((size.column * wanted) / scale);
}

/** What millimetres on the screen are those of, where the image is shown in its true size; undefined where it is not. */
export function shownTrueSize(dataset: Dataset, scale: number | undefined): SpacingBasis | undefined {
  const [size, wanted] = [sizeOf(dataset), pixelsPerMm.value];
  if (!size || wanted === undefined || scale === undefined) return undefined;
  return Math.abs(scale / (size.column * wanted) - 1) < TRUE_WITHIN ? size.basis : undefined;
}
