/** The lazily loaded half of the viewer: everything that knows Cornerstone. */

import { cache, init as initCore } from "@cornerstonejs/core";
import { init as initLoader } from "@cornerstonejs/dicom-image-loader";
import { init as initTools } from "@cornerstonejs/tools";

import type { VolumeGeometry } from "@/dicomweb/geometry";
import type { StackListener, StackView } from "@/viewport/contract";
import { CalculatedCurvedView } from "@/viewport/curvedView";
import { forgetFrames, installFrameLoader } from "@/viewport/frameLoader";
import { installDifferenceLoader } from "@/viewport/differenceLoader";
import { CalculatedLayer } from "@/viewport/layer";
import { installProvider } from "@/viewport/metadata";
import { installNativeLoader } from "@/viewport/nativeLoader";
import { installRenderedLoader } from "@/viewport/renderedLoader";
import { CornerstoneStackView, forgetMeasurements } from "@/viewport/stackView";
import { CornerstonePlaneView } from "@/viewport/planeView";
import { CornerstoneSolidView } from "@/viewport/solidView";
import { installSliceLoader } from "@/viewport/volumeData";
import type {
  CurvedListener,
  CurvedView,
  LayerListener,
  PlaneListener,
  PlaneName,
  PlaneView,
  SolidListener,
  SolidView,
  VolumeLayer,
} from "@/viewport/volumeContract";
import { installColours } from "@/viewport/colours";
import { installStackLoading } from "@/viewport/stackLoading";
import { installSettling } from "@/viewport/settling";
import { installTools } from "@/viewport/toolGroup";

const MEBIBYTE = 1 << 20;

let started = false;

/** Room for decoded images: a quarter of the memory the browser owns up to (GiB), at most 1.5 GiB. */
function cacheBytes(): number {
  const memory = (navigator as Navigator & { deviceMemory?: number }).deviceMemory ?? 2;
  return Math.min(1536, memory * 256) * MEBIBYTE;
}

function start(): void {
  if (started) return;
  initCore({ rendering: { webGlContextCount: 1 }, debug: {} }); // one viewport; a browser gives 16 to all its pages
  initTools(); // before the first viewport is enabled, or its tools stay dead
  initLoader({ maxWebWorkers: Math.max(1, Math.min(4, navigator.hardwareConcurrency - 1)) });
  cache.setMaxCacheSize(cacheBytes());
  installColours();
  installProvider();
  installFrameLoader();
  installNativeLoader();
  installRenderedLoader();
  installDifferenceLoader();
  installSliceLoader();
  installStackLoading();
  installTools();
  installSettling();
  started = true;
}

export function openStackView(element: HTMLDivElement, listener: StackListener): StackView {
  start();
  return new CornerstoneStackView(element, listener);
}

export function openPlaneView(
  element: HTMLDivElement,
  listener: PlaneListener,
  volume: VolumeGeometry,
  plane: PlaneName,
): PlaneView {
  start();
  return new CornerstonePlaneView(element, listener, volume, plane);
}

export function openSolidView(
  element: HTMLDivElement,
  listener: SolidListener,
  volume: VolumeGeometry,
  appearance: string,
): SolidView {
  start();
  return new CornerstoneSolidView(element, listener, volume, appearance);
}

export function openCurvedView(listener: CurvedListener, volume: VolumeGeometry): CurvedView {
  start();
  return new CalculatedCurvedView(listener, volume);
}

export function openVolumeLayer(listener: LayerListener, volume: VolumeGeometry): VolumeLayer {
  start();
  return new CalculatedLayer(volume, listener);
}

export { colourTable } from "@/viewport/colours";
export { holdBack } from "@/viewport/frameFetch";
export { transferTime } from "@/viewport/link";
export { followMeasurements, measuredOn, nowhereOn, place } from "@/viewport/annotations";
export { settled } from "@/viewport/settling";

export function forget(): void {
  forgetMeasurements();
  forgetFrames();
  cache.purgeCache();
}
