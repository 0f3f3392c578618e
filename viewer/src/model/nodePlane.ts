/** The node's pictures of planes through a volume (PS3.18 8.3.5.3): what is asked for, and where it lies in the patient. */

import { seriesPath } from "@/dicomweb/client";
import { dot, type Vector, type VolumeGeometry } from "@/dicomweb/geometry";
import { Tag, text, type Dataset } from "@/dicomweb/json";
import { openingOf, type Ends } from "@/tools/presets";
import type { PlaneName, SlabMode } from "@/viewport/volumeContract";

interface Side {
  /** Of the patient, along which the camera looks. */
  readonly axis: 0 | 1 | 2;
  /** From what is looked at to the camera (8.3.5.3.4). */
  readonly eye: Vector;
  readonly right: Vector;
  readonly down: Vector;
}

export const SIDES: Readonly<Record<PlaneName, Side>> = {
  axial: { axis: 2, eye: [0, 0, -1], right: [1, 0, 0], down: [0, 1, 0] },
  coronal: { axis: 1, eye: [0, -1, 0], right: [1, 0, 0], down: [0, 0, -1] },
  sagittal: { axis: 0, eye: [1, 0, 0], right: [0, 1, 0], down: [0, 0, -1] },
};

export interface Extent {
  readonly middle: Vector;
  readonly from: Vector;
  readonly to: Vector;
}

const AWAY_MM = 100;

const step = ({ direction }: VolumeGeometry, along: number): Vector => [0, 1, 2].map((axis) => direction[3 * along + axis] ?? 0) as unknown as Vector;

/** The middle of the volume and its ends along each axis of the patient, of the centres of voxels; the ends in whole millimetres. */
export function extent(volume: VolumeGeometry): Extent {
  const { origin, dimensions, spacing } = volume;
  const corners = [0, 1, 2, 3, 4, 5, 6, 7].map((corner) =>
    origin.map((start, axis) =>
      [0, 1, 2].reduce((sum, along) => {
        const length = corner & (1 << along) ? ((dimensions[along] ?? 1) - 1) * (spacing[along] ?? 1) : 0;
        return sum + (step(volume, along)[axis] ?? 0) * length;
      }, start),
    ),
  );
  const ends = (pick: (...values: number[]) => number): number[] => [0, 1, 2].map((axis) => pick(...corners.map((one) => one[axis] ?? 0)));
  const [from, to] = [ends(Math.min), ends(Math.max)];
  const middle = from.map((low, axis) => (low + (to[axis] ?? 0)) / 2);
  return { middle, from: from.map(Math.ceil), to: to.map(Math.floor) } as unknown as Extent;
}

/** Of a voxel: a plane in the middle goes through a point so near to it already. */
const HERE = 0.51; // as `viewport/planeView.ts` has it

/** Where a plane opens of which a point is wished for. */
export function opensAt(volume: VolumeGeometry, plane: PlaneName, wished: Vector | undefined): Vector {
  const { middle } = extent(volume);
  const { axis, eye } = SIDES[plane];
  return wished && Math.abs(wished[axis] - middle[axis]) >= HERE * voxelAlong(volume, eye) ? wished : middle;
}

export interface NodePlane {
  readonly plane: PlaneName;
  /** Undefined: all of the volume, projected. */
  readonly at: Vector | undefined;
  readonly slab: { readonly mm: number; readonly mode: SlabMode };
  /** `images`: that of the images, which the node knows. */
  readonly window?: Ends | "images";
}

function hundredths(value: number): number {
  return Math.round(100 * value) / 100;
}

/** The image of a volume whose words count for all of it. */
export function middleOf({ frames }: VolumeGeometry): Dataset | undefined {
  return frames[frames.length >> 1]?.dataset;
}

/** As wide as for bone: in any narrower one the brightest voxels through a whole chest are white. */
const PROJECTED_CT: Ends = { lower: -450, upper: 1350 };

/** In which window it opens. */
export function opensIn(volume: VolumeGeometry, isProjection: boolean): Ends | "images" {
  const dataset = middleOf(volume);
  if (isProjection && dataset && text(dataset, Tag.Modality) === "CT") return PROJECTED_CT;
  return openingOf(dataset).range ?? "images";
}

/** Its address, without the size of the picture. */
export function nodePlanePath(volume: VolumeGeometry, { plane, at, slab, window = opensIn(volume, at === undefined) }: NodePlane): string {
  const { eye, down } = SIDES[plane];
  const where = (at ?? extent(volume).middle).map(hundredths);
  const isSlab = at !== undefined && slab.mm > 0;
  const query = new URLSearchParams({
    renderingmethod: at && !isSlab ? "average_ip" : `${at ? slab.mode : "maximum"}_ip`,
    viewpointlookat: where.join(","),
    viewpointposition: where.map((value, axis) => hundredths(value + AWAY_MM * (eye[axis] ?? 0))).join(","),
    viewpointup: down.map((value) => 0 - value).join(","),
    ...(isSlab && { mprslab: String(slab.mm) }),
    ...(window !== "images" && { window: `${((window.lower + window.upper) / 2).toFixed(4)},${(window.upper - window.lower).toFixed(4)},linear-exact` }),
  });
  const [first] = volume.frames;
  const series = seriesPath(first?.studyInstanceUid ?? "", first?.seriesInstanceUid ?? "");
  return `${series}/${at ? "renderedmpr" : "rendered3d"}?${query.toString().replaceAll("%2C", ",")}`;
}

/** How thick a voxel is along a direction of the patient, mm. */
export function voxelAlong(volume: VolumeGeometry, direction: Vector): number {
  return [0, 1, 2].reduce((sum, along) => sum + Math.abs(dot(step(volume, along), direction)) * (volume.spacing[along] ?? 0), 0);
}

/** How long the volume is along a direction of the patient, mm: from the outer edges of its voxels. */
export function wholeAlong(volume: VolumeGeometry, direction: Vector): number {
  const { dimensions, spacing } = volume;
  return [0, 1, 2].reduce((sum, along) => sum + Math.abs(dot(step(volume, along), direction)) * (dimensions[along] ?? 1) * (spacing[along] ?? 0), 0);
}

/** Of what is rendered in three dimensions: nothing of it touches the edge of the viewport. */
export const SOLID_ROOM = 1.05;

/** How large a volume opens in a box of so many pixels, mm a pixel: all of it is seen. `room`: times as much as it needs. */
export function openingScale(volume: VolumeGeometry, [right, down]: readonly [Vector, Vector], [width, height]: readonly [number, number], room = 1): number {
  return room * Math.max(wholeAlong(volume, right) / (width || 1), wholeAlong(volume, down) / (height || 1));
}

const PARALLEL = 0.999; // cosine

/** One plane further, in the order in which the planes are counted: as the images are where they are the images. */
export function oneFurther(volume: VolumeGeometry, plane: PlaneName): Vector {
  const { eye } = SIDES[plane];
  const isBackwards = dot(step(volume, 2), eye) * (volume.isReadBackwards ? -1 : 1) < -PARALLEL;
  const length = voxelAlong(volume, eye) * (isBackwards ? -1 : 1);
  return [eye[0] * length, eye[1] * length, eye[2] * length];
}
