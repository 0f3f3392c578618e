/** What the rest of the viewer knows of a viewport. Types only: the chunk with Cornerstone is loaded when needed. */

import type { Frame } from "@/dicomweb/frames";
import type { VolumeGeometry } from "@/dicomweb/geometry";
import type { Measured } from "@/dicomweb/measured";
import type { Dataset } from "@/dicomweb/json";
import type { Area, Display } from "@/dicomweb/presentation";
import type { Subtraction } from "@/dicomweb/subtraction";
import type { Preset, Window } from "@/tools/presets";
import type { ButtonName, ToolName } from "@/tools/palette";
import type { RegionValues } from "@/viewport/sampling";
import type { CurvedListener, CurvedView, LayerListener, Overlay, PlaneListener, PlaneName, PlaneView, SolidListener, SolidView, VolumeLayer } from "@/viewport/volumeContract";

export interface PixelReading {
  /** Of the image, from 0. */
  readonly column: number;
  readonly row: number;
  /** Of a volume, from 0. */
  readonly slice?: number;
  /** The modality value, or red, green and blue; undefined where the picture on the screen has none. */
  readonly values: readonly number[] | undefined;
  /** The value of what lies over it at the same place of the patient. */
  readonly over?: { readonly value: number; readonly dataset: Dataset };
}

/** In mm, in the patient's coordinates (PS3.3 C.7.6.2.1.1). */
export type Point = readonly [number, number, number];

export interface View {
  /** Undefined for colour images. */
  readonly window: Window | undefined;
  /** 1: the image fits the viewport. */
  readonly zoom: number;
  /** Pixels of the screen (of the device) for one of the image, along its rows; of what is an image. */
  readonly scale?: number;
  /** Where the screen's right and down look to in the image, as columns and rows: [1, 0, 0, 1] as stored. */
  readonly turned?: readonly [number, number, number, number];
  /** Changes whenever the image lies otherwise on the screen. */
  readonly placed?: string;
  /** Frames that are taken away from the one shown (digital subtraction); none where it is seen as it was taken. */
  readonly masks?: readonly number[];
  /** Whether the reader turned black and white round; MONOCHROME1 alone is not that. */
  readonly inverted: boolean;
}

/** Where the pixels on the screen come from: `partial` are the object's own, but not all of them yet. */
export type Quality = "diagnostic" | "partial" | "rendered";

export interface StackListener {
  /** The reader moved to another image; its pixels may still be on their way. */
  moved(index: number): void;
  /** The image is on the screen. */
  painted(index: number, quality: Quality): void;
  viewed(view: View): void;
  /** The pointer is over this pixel; undefined beside the image. */
  pointed(pixel: PixelReading | undefined): void;
  /** So many images of the stack are loaded; about so many bytes are still to come. */
  loaded(count: number, bytesLeft: number): void;
  /** The crosshair was set on this point in the patient. */
  aimed(world: Point): void;
  /** A text is to be written beside an arrow or at a point; `done` with "" gives it up. */
  askText(done: (text: string) => void): void;
  /** Neither the image's pixels nor the node's picture of it could be shown. */
  failed(index: number): void;
}

/** Measurements that were taken away. */
export interface Removal {
  readonly count: number;
  /** Bring them back, while the viewport stands. */
  undo(): void;
}

/** What toolbar and keys ask of a viewport, whatever it shows. */
export interface ViewControls {
  /** The buttons that do something here; all of them where nothing is said. */
  readonly works?: ReadonlySet<ButtonName>;
  /** The picture comes without values: what their full range is nobody knows here. */
  readonly isWithoutValues?: boolean;
  /** Go to image, or plane, `index`. */
  show(index: number): void;
  /** Go so many planes further, where planes are not images. */
  step?(count: number): void;
  /** Go to the plane through a point of the patient (mm), where planes are not images. */
  goTo?(world: Point): void;
  setTool(tool: ToolName): void;
  applyPreset(preset: Preset): void;
  invert(): void;
  /** So many times as large, about a place of the viewport in CSS pixels, else about its middle. */
  zoomBy?(factor: number, at?: readonly [number, number]): void;
  /** A quarter to the right. */
  rotate?(): void;
  /** Each pixel of the image on one of the screen. */
  singly?(): void;
  flipHorizontal?(): void;
  flipVertical?(): void;
  /** Show greys through a colour map of this name; see `tools/colourMaps.ts`. */
  setColourMap?(name: string): void;
  /** Where a point in the patient (mm) lies on the viewport, in CSS pixels; undefined where nothing is shown. */
  toCanvas?(world: Point): readonly [number, number] | undefined;
  /** Take these masks away from each image, or none; resolves when the image shown is the difference. */
  subtract?(masks: (frame: Frame) => Subtraction | undefined): Promise<void>;
  /** Show the image as a presentation state says. */
  display?(display: Display): void;
  /** The part of the image that is on the screen, where its first corner is shown at the top left. */
  displayedArea?(): Area | undefined;
  /** Where a place of the image (pixels, the corner of the first is (0, 0)) lies on the viewport, in CSS pixels. */
  imageToCanvas?(place: readonly [number, number]): readonly [number, number] | undefined;
  /**
   * The values in the region chosen (else the one drawn last) of this image, in each of these images of the same place;
   * undefined when there is none. Rejects where pixels cannot be had.
   */
  regionOver?(frames: readonly Frame[], progress: (done: number) => void, signal: AbortSignal): Promise<readonly RegionValues[]> | undefined;
  /** The same of planes, in each of these moments of the volume. */
  regionThrough?(volumes: readonly VolumeGeometry[], progress: (done: number) => void, signal: AbortSignal): Promise<readonly RegionValues[]> | undefined;
  /** Window, zoom and position as at the beginning. */
  reset(): void;
  /** Remove the chosen measurement, or, when none is chosen, all of this viewport; undefined when there is none. */
  clear(): Removal | undefined;
  /** Take the last change of a measurement back; nothing where there is none. */
  undo?(): void;
  redo?(): void;
  /** Give up a measurement that is being drawn, and choose none. */
  letGo(): void;
  close(): void;
}

/** One stack of images in one element. */
export interface StackView extends ViewControls {
  /** Show these images, beginning with `index`. Images shown before keep their place when the stack only grew. */
  setStack(frames: readonly Frame[], index: number): void;
}

export interface ViewportModule {
  /** Raises Error when this browser cannot show images. */
  openStackView(element: HTMLDivElement, listener: StackListener): StackView;
  openPlaneView(element: HTMLDivElement, listener: PlaneListener, volume: VolumeGeometry, plane: PlaneName): PlaneView;
  openSolidView(element: HTMLDivElement, listener: SolidListener, volume: VolumeGeometry, appearance: string): SolidView;
  openCurvedView(listener: CurvedListener, volume: VolumeGeometry): CurvedView;
  openVolumeLayer(listener: LayerListener, volume: VolumeGeometry): VolumeLayer;
  /** Resolves when every click until now is drawn. */
  settled(): Promise<void>;
  /** Every finished measurement on these images, with its figures of now. */
  measuredOn(frames: readonly Frame[]): Measured[];
  /** How many were drawn on planes through these images, which name no frame of reference: no report can say where they lie. */
  nowhereOn(frames: readonly Frame[]): number;
  /** Show measurements on those of these images that they lie on, fixed or not; what is there so already stays as it is. */
  place(frames: readonly Frame[], measurements: readonly Measured[]): void;
  /** Be told of every change of a measurement; returns how to stop. */
  followMeasurements(changed: () => void): () => void;
  /** Red, green and blue of each of many levels, 0 to 1. */
  colourTable(looks: Pick<Overlay, "colours" | "palette">): readonly number[];
  /** Milliseconds that so many bytes take over this link. */
  transferTime(bytes: number): number;
  /** Images that are read ahead wait until the returned function is called. */
  holdBack(): () => void;
  /** Drop every pixel and measurement kept in memory. */
  forget(): void;
}
