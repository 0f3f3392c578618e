/** A volume rendered in three dimensions, coarse while it is being turned. It has voxels of its own: the planes keep their greys. */

import { Enums, type Types } from "@cornerstonejs/core";
import { newInstance as newPlane, type vtkPlane } from "@kitware/vtk.js/Common/DataModel/Plane";
import type { vtkVolume } from "@kitware/vtk.js/Rendering/Core/Volume";

import { cross, minus, type Vector, type VolumeGeometry } from "@/dicomweb/geometry";
import { extent, openingScale, SOLID_ROOM } from "@/model/nodePlane";
import { framesLater } from "@/model/painted";
import type { ToolName } from "@/tools/palette";
import type { Removal, View } from "@/viewport/contract";
import { AS_IT_IS, dressSolid, type Tuning } from "@/viewport/appearances";
import { enable, ENGINE, followSize, renderingEngine, type Fitting } from "@/viewport/engine";
import { SolidHand } from "@/viewport/solidTools";
import type { Side, SolidListener, SolidView, VolumeListener } from "@/viewport/volumeContract";
import { acquire, release, VolumeError, type VoxelVolume } from "@/viewport/volumeData";

const { Events, OrientationAxis, ViewportType } = Enums;

const MOVING = 8; // times the distance of half a voxel between samples along a ray
const QUIET_MS = 350;
const SAME = 0.01; // of what is seen: nobody has magnified or moved it
const TUNED_A_PIXEL = 1 / 200; // of the width over which an appearance fades in
/** How fine it may be when it stands still, by how long a coarse picture takes: without a card it stays coarse. */
const STILL: readonly (readonly [number, number])[] = [
  [40, 1],
  [120, 3],
];

/** Where the eye is, seen from the patient (LPS), and what is up. */
const LOOKS: Readonly<Record<Side, { readonly viewPlaneNormal: Types.Point3; readonly viewUp: Types.Point3 }>> = {
  anterior: { viewPlaneNormal: [0, -1, 0], viewUp: [0, 0, 1] },
  posterior: { viewPlaneNormal: [0, 1, 0], viewUp: [0, 0, 1] },
  left: { viewPlaneNormal: [1, 0, 0], viewUp: [0, 0, 1] },
  right: { viewPlaneNormal: [-1, 0, 0], viewUp: [0, 0, 1] },
  head: { viewPlaneNormal: [0, 0, 1], viewUp: [0, -1, 0] },
  feet: { viewPlaneNormal: [0, 0, -1], viewUp: [0, -1, 0] },
};

let serial = 0;

const FRAMES_IN_FLIGHT = 4; // a card that is still drawing lets no more of them go by

export class CornerstoneSolidView implements SolidView, Fitting {
  private readonly viewportId: string;
  private readonly viewport: Types.IVolumeViewport;
  private readonly hand: SolidHand;
  private readonly closing = new AbortController();
  private readonly stopFollowing: () => void;
  private readonly progress: VolumeListener["progress"];
  private voxels: VoxelVolume | undefined;
  private tuning: Tuning = AS_IT_IS;
  private quiet: ReturnType<typeof setTimeout> | undefined;
  private sampling = MOVING;
  private coarseMs = Infinity;
  private beganAt = 0;
  /** To the right and up, as it was looked at when all of it was seen. */
  private framed: readonly [Vector, Vector] = [[1, 0, 0], [0, 0, 1]]; // prettier-ignore
  /** Half of what was seen from top to bottom then, mm. */
  private fitted = 1;

  constructor(
    private readonly element: HTMLDivElement,
    private readonly listener: SolidListener,
    private readonly geometry: VolumeGeometry,
    private appearance: string,
  ) {
    serial += 1;
    this.viewportId = `solid-${serial}`;
    enable({
      viewportId: this.viewportId,
      type: ViewportType.VOLUME_3D,
      element,
      defaultOptions: { background: [0, 0, 0], orientation: OrientationAxis.CORONAL },
    });
    this.viewport = renderingEngine().getViewport(this.viewportId) as Types.IVolumeViewport;
    this.progress = (loaded, total, bytesLeft) => this.listener.progress(loaded, total, bytesLeft);
    this.hand = new SolidHand(`solid-tools-${serial}`, this.viewportId, ENGINE, (right, down) => this.tune(right, down));
    this.stopFollowing = followSize(element, this);
    const { signal } = this.closing;
    element.addEventListener(Events.CAMERA_MODIFIED, () => this.moved(), { signal });
    element.addEventListener(Events.IMAGE_RENDERED, () => this.rendered(), { signal });
    element.addEventListener("contextmenu", (event) => event.preventDefault(), { signal });
    void this.fill();
  }

  setAppearance(preset: string): void {
    this.appearance = preset;
    this.tuning = AS_IT_IS;
    if (!this.voxels) return;
    this.dress();
    this.coarse();
    this.viewport.render();
  }

  setCut(cut: readonly (readonly [number, number])[]): void {
    const mapper = this.mapper();
    const bounds = mapper?.getBounds();
    if (!mapper || !bounds) return;
    mapper.removeAllClippingPlanes();
    for (const [axis, [from, to]] of cut.entries()) {
      const [low = 0, high = 0] = bounds.slice(2 * axis, 2 * axis + 2);
      for (const [share, side] of [
        [from, 1],
        [to, -1],
      ] as const) {
        if (share <= 0) continue;
        const point = side > 0 ? low + (high - low) * share : high - (high - low) * share;
        const along = (value: number): Types.Point3 => [0, 1, 2].map((one) => (one === axis ? value : 0)) as Types.Point3;
        mapper.addClippingPlane(newPlane({ origin: along(point), normal: along(side) }));
      }
    }
    this.coarse();
    this.viewport.render();
  }

  look(from: Side): void {
    this.viewport.setCamera(LOOKS[from]); // `setOrientation` does nothing to a volume in three dimensions
    this.frame();
    this.viewport.render();
  }

  isWhole(): boolean {
    const { parallelScale = 0, focalPoint = [0, 0, 0] } = this.viewport.getCamera();
    const away = Math.hypot(...minus(focalPoint, extent(this.geometry).middle));
    return this.voxels !== undefined && Math.abs(parallelScale / this.fitted - 1) < SAME && away < parallelScale * SAME;
  }

  /** As it is turned: what is seen from a side fits into the new size, too. */
  fit(): void {
    this.viewport.setCamera({ parallelScale: this.halfOfWhole() });
    this.viewport.render();
  }

  /** All of it, from where the camera is: Cornerstone's own looks at the middle of a voxel, and leaves out half a voxel at the edges. */
  private frame(): void {
    this.viewport.resetCamera();
    const { viewUp = [0, 0, 1], viewPlaneNormal = [0, -1, 0], focalPoint = [0, 0, 0], position = [0, 0, 0] } = this.viewport.getCamera();
    this.framed = [cross(viewUp, viewPlaneNormal), viewUp];
    const { middle } = extent(this.geometry);
    const moved = minus(middle, focalPoint);
    const eye = position.map((value, axis) => value + (moved[axis] ?? 0)) as Types.Point3;
    this.viewport.setCamera({ focalPoint: [...middle], position: eye, parallelScale: this.halfOfWhole() });
  }

  /** Half of what is seen from top to bottom when all of it is, mm. */
  private halfOfWhole(): number {
    const { clientWidth, clientHeight } = this.element;
    this.fitted = (openingScale(this.geometry, this.framed, [clientWidth, clientHeight], SOLID_ROOM) * clientHeight) / 2;
    return this.fitted;
  }

  reset(): void {
    this.tuning = AS_IT_IS;
    this.dress();
    this.setCut([]);
    this.look("anterior");
    this.listener.reset();
  }

  // A rendering has neither images nor a window, and nothing is measured on it.
  show(): void {}
  applyPreset(): void {}
  invert(): void {}
  letGo(): void {}

  setTool(tool: ToolName): void {
    this.hand.take(tool);
  }

  /** What a window is to an image: dragged down only greater values are seen, dragged to the right they fade in over more. */
  private tune(right: number, down: number): void {
    const { shift, stretch } = this.tuning;
    this.tuning = { shift: shift + down * TUNED_A_PIXEL * stretch, stretch: stretch * Math.exp(right * TUNED_A_PIXEL) };
    this.dress();
    this.coarse();
    this.viewport.render();
  }

  clear(): Removal | undefined {
    return undefined;
  }

  close(): void {
    this.closing.abort();
    clearTimeout(this.quiet);
    this.stopFollowing();
    this.hand.close();
    renderingEngine().disableElement(this.viewportId);
    release(this.geometry, "solid", this.progress);
  }

  private async fill(): Promise<void> {
    try {
      const voxels = await acquire(this.geometry, "solid", this.progress);
      if (this.closing.signal.aborted) return;
      await this.viewport.setVolumes([{ volumeId: voxels.id }]);
      if (this.closing.signal.aborted) return;
      this.voxels = voxels;
      this.dress();
      this.viewport.setProperties({ sampleDistanceMultiplier: MOVING });
      this.frame();
      this.beganAt = performance.now();
      this.viewport.render();
      this.tellTurn();
      this.unseen = true;
      requestAnimationFrame(() => this.closing.signal.aborted || this.viewport.render()); // when its texture is there
    } catch (error) {
      if (!this.closing.signal.aborted) this.listener.failed(error instanceof VolumeError ? error.why : "memory");
    }
  }

  private moved(): void {
    if (!this.voxels) return;
    this.tellTurn();
    this.beganAt = performance.now();
    this.coarse();
  }

  private tellTurn(): void {
    const { viewUp, viewPlaneNormal } = this.viewport.getCamera();
    if (!viewUp || !viewPlaneNormal) return;
    const cosines = [...cross(viewUp, viewPlaneNormal), ...viewUp.map((value) => -value)];
    this.listener.turned(cosines.map((value) => Number(value.toFixed(3)) + 0)); // no negative zero
  }

  private coarse(): void {
    this.sample(MOVING);
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => this.refine(), QUIET_MS);
  }

  private rendered(): void {
    if (this.sampling === MOVING && this.beganAt > 0) this.coarseMs = performance.now() - this.beganAt;
    const view: View = { window: undefined, zoom: 1, inverted: false };
    this.listener.viewed(view);
    if (!this.unseen || !this.voxels) return;
    this.unseen = false;
    const { reduced } = this.voxels;
    framesLater(FRAMES_IN_FLIGHT, () => !this.closing.signal.aborted && this.listener.ready(reduced)); // not while the screen is still black
  }

  /** The first picture is not on the screen yet. */
  private unseen = false;

  private refine(): void {
    const still = STILL.find(([limit]) => this.coarseMs < limit)?.[1];
    if (still !== undefined && !this.closing.signal.aborted) this.sample(still);
  }

  private sample(multiplier: number): void {
    if (this.sampling === multiplier) return;
    this.sampling = multiplier;
    this.viewport.setProperties({ sampleDistanceMultiplier: multiplier });
  }

  private dress(): void {
    const actor = this.viewport.getDefaultActor()?.actor as vtkVolume | undefined;
    if (actor && this.voxels) dressSolid(actor, this.voxels, this.appearance, this.tuning);
  }

  private mapper(): Mapper | undefined {
    const actor = this.viewport.getDefaultActor()?.actor as { getMapper(): Mapper } | undefined;
    return this.voxels && actor?.getMapper();
  }
}

interface Mapper {
  getBounds(): readonly number[];
  removeAllClippingPlanes(): void;
  addClippingPlane(plane: vtkPlane): void;
}
