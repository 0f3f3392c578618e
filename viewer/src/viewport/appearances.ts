/** Appearances put on a rendering. Cornerstone's presets shift their values, and its bone is skin and muscle. */

import { newInstance as newColours } from "@kitware/vtk.js/Rendering/Core/ColorTransferFunction";
import type { vtkVolume } from "@kitware/vtk.js/Rendering/Core/Volume";
import type { vtkVolumeMapper } from "@kitware/vtk.js/Rendering/Core/VolumeMapper";
import { BlendMode } from "@kitware/vtk.js/Rendering/Core/VolumeMapper/Constants";
import { newInstance as newOpacity } from "@kitware/vtk.js/Common/DataModel/PiecewiseFunction";

import { APPEARANCES, valueOf } from "@/tools/appearances";
import type { VoxelVolume } from "@/viewport/volumeData";

/** Let a volume look so; nothing where there is no such appearance. */
export function dressSolid(actor: vtkVolume, voxels: VoxelVolume, name: string): void {
  const appearance = APPEARANCES[name];
  if (!appearance) return;
  const colours = newColours();
  for (const [value, ...colour] of appearance.colours) colours.addRGBPoint(valueOf(appearance, value, voxels.stored), ...colour);
  const opacity = newOpacity();
  for (const [value, share] of appearance.opacity) opacity.addPoint(valueOf(appearance, value, voxels.stored), share);
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
