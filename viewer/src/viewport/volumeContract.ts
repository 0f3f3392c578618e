/** What the rest of the viewer knows of viewports that cut or render a volume. Types only. */

import type { Vector, VolumeGeometry } from "@/dicomweb/geometry";
import type { Ends, Preset } from "@/tools/presets";
import type { PixelReading, View, ViewControls } from "@/viewport/contract";

export const PLANES = ["axial", "coronal", "sagittal"] as const;
export type PlaneName = (typeof PLANES)[number];

/** How the values through the thickness of a slab become one. */
export const SLAB_MODES = ["maximum", "minimum", "average"] as const;
export type SlabMode = (typeof SLAB_MODES)[number];

/** Why voxels cannot be had: pixels that nobody decodes, or a device that has no room for them. */
export type VolumeFailure = "pixels" | "memory";

export interface PlanePlace {
  readonly plane: PlaneName;
  /** Of the plane among those of its direction, from 0. */
  readonly index: number;
  readonly count: number;
  /** Directions of the picture's rows and columns in the patient, six cosines. */
  readonly cosines: readonly number[];
  /** The point of the patient in the middle of the viewport, mm. */
  readonly centre: readonly [number, number, number];
  /** Of a CSS pixel. */
  readonly mmPerPixel: number;
  /** Turned away from the directions of the patient by the crosshair. */
  readonly oblique: boolean;
}

export interface VolumeListener {
  /** So many of the images are in the volume; about so many bytes are still to come. */
  progress(loaded: number, total: number, bytesLeft: number): void;
  /** The first picture stands; `reduced`: the device has no room for every voxel. */
  ready(reduced: boolean): void;
  viewed(view: View): void;
  failed(why: VolumeFailure): void;
}

export interface PlaneListener extends VolumeListener {
  placed(place: PlanePlace): void;
  /** So many planes further, before there are any. */
  stepped(count: number): void;
  /** What is to lie over the plane is on its way, lies there between these values, does not any more, or cannot. */
  overlaid(state: "none" | "loading" | "shown" | VolumeFailure, ends?: Ends): void;
  pointed(pixel: PixelReading | undefined): void;
  /** A text is to be written beside an arrow or at a point; `done` with "" gives it up. */
  askText(done: (text: string) => void): void;
}

/** A volume over another, in the same space of the patient. */
export interface Overlay {
  readonly volume: VolumeGeometry;
  /** As `tools/colourMaps.ts` names them. */
  readonly colours: string;
  /** What `colours` stands for where it is no known name: red, green and blue of each entry, 0 to 1. */
  readonly palette?: readonly number[] | undefined;
  readonly opacity: number;
  /** Not seen at the window's first value and `opacity` at its last; else `opacity` everywhere. */
  readonly ramped: boolean;
  readonly preset: Preset | undefined;
}

/** A plane through a volume in one element. */
export interface PlaneView extends ViewControls {
  /** Another direction, straight again. */
  setPlane(plane: PlaneName): void;
  /** Millimetres, 0 for a single plane. */
  setSlab(thickness: number, mode: SlabMode): void;
  /** Raises nothing: where its voxels cannot be had, nothing lies over the plane and `overlaid` tells. */
  setOverlay(overlay: Overlay | undefined): void;
  /** The same series at another moment; place and window stay. */
  setVolume(volume: VolumeGeometry): void;
}

/** The sides of the patient that a rendering is looked at from. */
export type Side = "anterior" | "posterior" | "left" | "right" | "head" | "feet";

export interface SolidListener extends VolumeListener {
  /** How the patient lies on the screen: the directions of the picture's rows and columns, six cosines. */
  turned(cosines: readonly number[]): void;
  /** Everything is as it was at the beginning, but for the appearance. */
  reset(): void;
}

/** A volume rendered in three dimensions in one element. */
export interface SolidView extends ViewControls {
  setAppearance(preset: string): void;
  /** Cut away from both sides of each direction of the patient (right to left, front to back, feet to head), 0 to 1. */
  setCut(cut: readonly (readonly [number, number])[]): void;
  look(from: Side): void;
}

/** Where a picture along a curve has its values from; points and directions of the patient, mm. */
export interface SheetColumn {
  /** The point in the middle row. */
  readonly centre: Vector;
  /** From row to row, of unit length. */
  readonly down: Vector;
  /** Through the sheet, of unit length. */
  readonly through: Vector;
  /** Along the curve, mm. */
  readonly along: number;
  /** Where the curve itself runs, below the middle row, mm. */
  readonly below: number;
}

export interface Sheet {
  readonly columns: readonly SheetColumn[];
  readonly rows: number;
  /** From column to column and from row to row, mm. */
  readonly step: number;
}

export interface CurvedListener extends VolumeListener {
  /** So far along the curve, in steps of a key. */
  stepped(count: number): void;
}

/** Pictures along a curve through a volume, on canvases of whoever asks for them. */
export interface CurvedView extends ViewControls {
  /** Modality values, row after row, not a number outside the volume; undefined until the volume is here. */
  valuesOn(sheet: Sheet, slab: { readonly mm: number; readonly mode: SlabMode }): Float32Array | undefined;
  /** Their greys through the window; transparent where there is nothing. */
  picture(values: Float32Array, width: number): ImageData;
  /** The voxel nearest to a point of the patient. */
  pixelAt(point: Vector): PixelReading | undefined;
  /** The window, dragged so many CSS pixels. */
  drag(right: number, down: number): void;
}

export interface LayerListener {
  ready(): void;
  failed(why: VolumeFailure): void;
}

/** A volume that is laid over the images of a stack. */
export interface VolumeLayer {
  /** Its values on a sheet in colours; undefined until it is here. */
  picture(sheet: Sheet, looks: Overlay): ImageData | undefined;
  /** The values at the ends of its window; undefined until it is here. */
  ends(preset: Preset | undefined): Ends | undefined;
  /** Its value at a point of the patient (mm), of the nearest voxel; undefined outside, or until it is here. */
  valueAt(point: Vector): PixelReading["over"];
  close(): void;
}
