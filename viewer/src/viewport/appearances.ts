/** Appearances put on a rendering. Cornerstone's presets shift their values, and its bone is skin and muscle. */

import { newInstance as newColours } from "@kitware/vtk.js/Rendering/Core/ColorTransferFunction";
import type { vtkVolume } from "@kitware/vtk.js/Rendering/Core/Volume";
import type { vtkVolumeMapper } from "@kitware/vtk.js/Rendering/Core/VolumeMapper";
import { BlendMode } from "@kitware/vtk.js/Rendering/Core/VolumeMapper/Constants";
import { newInstance as newOpacity } from "@kitware/vtk.js/Common/DataModel/PiecewiseFunction";

import { APPEARANCES, valueOf } from "@/tools/appearances";
import type { VoxelVolume } from "@/viewport/volumeData";

/** How a reader moved an appearance along the values: times `stretch` about its middle, plus `shift` of its width. */
export interface Tuning {
  readonly shift: number;
  readonly stretch: number;
}

export const AS_IT_IS: Tuning = { shift: 0, stretch: 1 };

/** Values of the table as the reader moved them. */
export function tuned(values: readonly number[], { shift, stretch }: Tuning): (value: number) => number {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const middle = (low + high) / 2;
  return (value) => middle + (value - middle) * stretch + shift * (high - low);
}

/** Let a volume look so; nothing where there is no such appearance. */
export function dressSolid(actor: vtkVolume, voxels: VoxelVolume, name: string, tuning: Tuning): void {
  const appearance = APPEARANCES[name];
  if (!appearance) return;
  const placed = tuned((appearance.brightest ? appearance.colours : appearance.opacity).map(([value]) => value), tuning);
  const at = (value: number): number => valueOf(appearance, placed(value), voxels.stored);
  const colours = newColours();
  for (const [value, ...colour] of appearance.colours) colours.addRGBPoint(at(value), ...colour);
  const opacity = newOpacity();
  for (const [value, share] of appearance.opacity) opacity.addPoint(at(value), share);
  const property = actor.getProperty();
  property.setRGBTransferFunction(0, colours);
  property.setScalarOpacity(0, opacity);
  property.setScalarOpacityUnitDistance(0, voxels.spacing.reduce((sum, step) => sum + step) / 3);
  property.setUseGradientOpacity(0, false);
  property.setInterpolationTypeToFastLinear();
  property.setShade(appearance.brightest !== true);
  property.setAmbient(0.2);
  property.setDiffuse(0.8);
  property.setSpecular(0.15);
  property.setSpecularPower(10);
  const mapper = actor.getMapper() as vtkVolumeMapper;
  mapper.setBlendMode(appearance.brightest === true ? BlendMode.MAXIMUM_INTENSITY_BLEND : BlendMode.COMPOSITE_BLEND);
}
