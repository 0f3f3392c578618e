/** What lies over a plane: a second volume of the same space, through a colour map. */

import type { Types } from "@cornerstonejs/core";
import type { vtkVolume } from "@kitware/vtk.js/Rendering/Core/Volume";
import type { vtkVolumeMapper } from "@kitware/vtk.js/Rendering/Core/VolumeMapper";
import { BlendMode } from "@kitware/vtk.js/Rendering/Core/VolumeMapper/Constants";

import { endsOf, widened, type Ends, type Preset } from "@/tools/presets";
import { coloursOf } from "@/viewport/colours";
import { nearestValue } from "@/viewport/sampling";
import type { Overlay } from "@/viewport/volumeContract";
import { acquire, release, type VoxelVolume } from "@/viewport/volumeData";

const ACTOR = "overlay";

export class PlaneOverlay {
  private wanted: Overlay | undefined;
  private held: Overlay["volume"] | undefined;
  voxels: VoxelVolume | undefined;

  constructor(private readonly viewport: Types.IVolumeViewport) {}

  /** Resolves when it lies there, or is gone. Rejects with VolumeError. */
  async set(overlay: Overlay | undefined): Promise<void> {
    const before = this.wanted;
    this.wanted = overlay;
    if (overlay && before?.volume === overlay.volume) {
      this.dress(); // or later, when its voxels are here
      return;
    }
    this.remove();
    if (!overlay) return;
    this.held = overlay.volume;
    const voxels = await acquire(overlay.volume, "planes", nobody);
    if (this.wanted?.volume !== overlay.volume) return; // another was asked for meanwhile, and this one given back
    this.voxels = voxels;
    await this.lay();
  }

  /** Whether its voxels are here. */
  holds({ volume }: Overlay): boolean {
    return this.voxels !== undefined && this.held === volume;
  }

  /** Lay it over the plane anew: what lies beneath was changed for another volume. */
  async lay(): Promise<void> {
    const { voxels } = this;
    if (!voxels) return;
    if (this.viewport.getActors().some(({ uid }) => uid === ACTOR)) this.viewport.removeVolumeActors([ACTOR]);
    const { focalPoint, position, parallelScale, viewUp, viewPlaneNormal } = this.viewport.getCamera();
    await this.viewport.addVolumes([{ volumeId: voxels.id, actorUID: ACTOR, visibility: true }]);
    // Cornerstone goes to the nearest whole step of the slices, which on oblique planes and slabs is another place.
    this.viewport.setCamera({ focalPoint, position, parallelScale, viewUp, viewPlaneNormal } as Types.ICamera);
    this.dress();
    requestAnimationFrame(() => this.voxels === voxels && this.viewport.render()); // when its texture is there
  }

  close(): void {
    this.wanted = undefined;
    this.remove();
  }

  /** The values between which its colours go; undefined while nothing lies there. */
  get ends(): Ends | undefined {
    return this.voxels && this.wanted && rangeOf(this.voxels, this.wanted.preset);
  }

  /** Its value at a point of the patient, of the nearest voxel; undefined outside. */
  valueAt(world: Types.Point3): number | undefined {
    return this.voxels && nearestValue(this.voxels, world);
  }

  /** Its colours, window and opacity, which the blending of a slab shall leave alone. */
  dress(): void {
    const { wanted, voxels } = this;
    const actor = this.viewport.getActor(ACTOR)?.actor as vtkVolume | undefined;
    if (!wanted || !voxels || !actor) return;
    const mapper = actor.getMapper() as vtkVolumeMapper;
    // Composed of samples along the ray it would be as dense as they are many: the greatest of them has just its opacity.
    if (mapper.getBlendMode() === BlendMode.COMPOSITE_BLEND) mapper.setBlendMode(BlendMode.MAXIMUM_INTENSITY_BLEND);
    actor.getProperty().setScalarOpacityUnitDistance(0, mapper.getSampleDistance());
    const range = rangeOf(voxels, wanted.preset);
    const opacityMapping = [
      { value: range.lower, opacity: wanted.ramped ? 0 : 1 },
      { value: range.upper, opacity: 1 },
    ];
    this.viewport.setProperties({ colormap: { name: coloursOf(wanted), opacity: wanted.opacity, opacityMapping } }, voxels.id);
    this.viewport.setProperties({ voiRange: range }, voxels.id);
    this.viewport.render();
  }

  private remove(): void {
    if (this.voxels && this.viewport.getActors().some(({ uid }) => uid === ACTOR)) {
      this.viewport.removeVolumeActors([ACTOR]);
      this.viewport.render();
    }
    this.voxels = undefined;
    if (this.held) release(this.held, "planes", nobody);
    this.held = undefined;
  }
}

/** Values at the ends of a preset's window. */
export function rangeOf(voxels: VoxelVolume, preset: Preset | undefined): Ends {
  if (preset === undefined) return voxels.range;
  if (preset.kind === "values") return endsOf(preset);
  return preset.kind === "full" ? widened({ lower: voxels.lowest, upper: voxels.highest }) : voxels.stored;
}

function nobody(): void {}
