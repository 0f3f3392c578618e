/** A plane cut out of a volume, on Cornerstone's orthographic viewport. */

import { Enums, utilities, type Types } from "@cornerstonejs/core";
import type { Types as ToolTypes } from "@cornerstonejs/tools";
import type { vtkVolume } from "@kitware/vtk.js/Rendering/Core/Volume";
import type { vtkVolumeMapper } from "@kitware/vtk.js/Rendering/Core/VolumeMapper";

import type { VolumeGeometry } from "@/dicomweb/geometry";
import type { Preset } from "@/tools/presets";
import type { ToolName } from "@/tools/palette";
import type { PixelReading, Point, Removal, View } from "@/viewport/contract";
import { enable, ENGINE, followSize, renderingEngine, type Fitting } from "@/viewport/engine";
import { awayFrom, lonePoint } from "@/viewport/lonePoints";
import { Measurements } from "@/viewport/measurements";
import { PlaneOverlay, rangeOf } from "@/viewport/planeOverlay";
import { leavePlaneTools, planeTools, type Member, type PlaneTools } from "@/viewport/planeTools";
import { regionThrough } from "@/viewport/timeCurve";
import { axisOf, type RegionValues } from "@/viewport/sampling";
import type { Overlay, PlaneListener, PlaneName, PlanePlace, PlaneView, SlabMode, VolumeListener } from "@/viewport/volumeContract";
import { acquire, release, VolumeError, type VoxelVolume } from "@/viewport/volumeData";
import { enlarge, followWheel } from "@/viewport/zooming";

const { BlendModes, Events, OrientationAxis, ViewportType, VOILUTFunctionType } = Enums;

const AXIS: Readonly<Record<PlaneName, Enums.OrientationAxis>> = {
  axial: OrientationAxis.AXIAL,
  coronal: OrientationAxis.CORONAL,
  sagittal: OrientationAxis.SAGITTAL,
};

const BLEND: Readonly<Record<SlabMode, Enums.BlendModes>> = {
  maximum: BlendModes.MAXIMUM_INTENSITY_BLEND,
  minimum: BlendModes.MINIMUM_INTENSITY_BLEND,
  average: BlendModes.AVERAGE_INTENSITY_BLEND,
};

const STRAIGHT = 0.9999; // cosine: less is an oblique plane

const SAMPLES_A_VOXEL = 4;
const SAMPLES_MAX = 256; // through a slab: software renders it too

const HERE = 0.51; // of a voxel: the plane that is shown goes through the point already

const PARALLEL = 0.999; // cosine: measurements are drawn on planes that are turned by less

type Annotation = ToolTypes.Annotation;

let serial = 0;

export class CornerstonePlaneView implements PlaneView, Fitting {
  private readonly viewportId: string;
  private readonly viewport: Types.IVolumeViewport;
  private readonly closing = new AbortController();
  private readonly stopFollowing: () => void;
  private readonly progress: VolumeListener["progress"];
  private readonly toolsKey: string;
  private readonly member: Member;
  private measurements: Measurements | undefined;
  private tools: PlaneTools | undefined;
  private readonly overlay: PlaneOverlay;
  private readonly claims = new Set<VolumeGeometry>();
  private shown: VolumeGeometry | undefined;
  private voxels: VoxelVolume | undefined;
  private slab: { thickness: number; mode: SlabMode } = { thickness: 0, mode: "maximum" };
  /** The place told last. */
  private told = "";
  private wishedOverlay: Overlay | undefined;
  private wishedTool: ToolName = "window";

  constructor(
    private readonly element: HTMLDivElement,
    private readonly listener: PlaneListener,
    private geometry: VolumeGeometry,
    plane: PlaneName,
  ) {
    serial += 1;
    this.viewportId = `plane-${serial}`;
    this.member = {
      id: this.viewportId,
      plane,
      askText: (done) => listener.askText(done),
      isSlab: () => this.slab.thickness > 0,
      over: () => this.overlay.voxels,
      isBackwards: () => this.isBackwards(),
    };
    this.toolsKey = geometry.frames[0]?.seriesInstanceUid ?? "";
    enable({
      viewportId: this.viewportId,
      type: ViewportType.ORTHOGRAPHIC,
      element,
      defaultOptions: { background: [0, 0, 0], orientation: AXIS[plane] },
    });
    this.viewport = renderingEngine().getViewport(this.viewportId) as Types.IVolumeViewport;
    this.overlay = new PlaneOverlay(this.viewport);
    this.progress = (loaded, total, bytesLeft) => this.listener.progress(loaded, total, bytesLeft);
    this.stopFollowing = followSize(element, this);
    this.listen();
    void this.fill(geometry);
  }

  setVolume(geometry: VolumeGeometry): void {
    this.geometry = geometry;
    void this.fill(geometry);
  }

  setOverlay(overlay: Overlay | undefined): void {
    this.wishedOverlay = overlay;
    if (!this.voxels) return;
    if (overlay && !this.overlay.holds(overlay)) this.listener.overlaid("loading");
    this.overlay.set(overlay).then(
      () => {
        if (this.closing.signal.aborted) return;
        this.setSlab(this.slab.thickness, this.slab.mode); // it came without
        this.measurements?.recalculate();
        this.listener.overlaid(this.overlay.voxels ? "shown" : "none", this.overlay.ends);
      },
      (error: unknown) => {
        if (!this.closing.signal.aborted) this.listener.overlaid(error instanceof VolumeError ? error.why : "memory");
      },
    );
  }

  show(index: number): void {
    this.step(index - this.index());
  }

  step(count: number): void {
    if (!this.voxels) return this.listener.stepped(count);
    const last = this.viewport.getNumberOfSlices() - 1;
    const index = this.index();
    const target = Math.max(0, Math.min(last, index + count));
    const delta = (target - index) * (this.isBackwards() ? -1 : 1);
    if (delta !== 0) utilities.scroll(this.viewport as never, { delta, volumeId: this.viewport.getVolumeId() }); // the viewport's own goes by slabs
  }

  goTo(world: Point): void {
    const camera = this.viewport.getCamera();
    const { viewPlaneNormal: normal, focalPoint, position } = camera;
    if (!normal || !focalPoint || !position) return;
    const away = awayFrom(camera, [...world]);
    if (Math.abs(away) < HERE * this.thickness()) return; // between two planes there are no voxels of their own
    const moved = (from: Types.Point3): Types.Point3 => [from[0] + away * normal[0], from[1] + away * normal[1], from[2] + away * normal[2]];
    this.viewport.setCamera({ focalPoint: moved(focalPoint), position: moved(position) });
    this.viewport.render();
    this.tellPlace();
  }

  setTool(tool: ToolName): void {
    this.wishedTool = tool;
    this.measurements?.drop();
    this.tools?.take(tool);
  }

  setPlane(plane: PlaneName): void {
    this.member.plane = plane;
    this.viewport.setOrientation(AXIS[plane]);
    this.tools?.again();
    this.tellPlace();
  }

  setSlab(thickness: number, mode: SlabMode): void {
    this.slab = { thickness, mode };
    if (!this.voxels) return;
    if (thickness > 0) {
      this.viewport.setBlendMode(BLEND[mode]);
      this.viewport.setSlabThickness(thickness / 2); // Cornerstone's reaches so far to either side
    } else {
      this.viewport.setBlendMode(BlendModes.COMPOSITE);
      this.viewport.resetSlabThickness();
    }
    for (const { actor } of this.viewport.getActors()) sampleFinely(actor as vtkVolume, thickness);
    this.overlay.dress();
    this.viewport.render();
  }

  applyPreset(preset: Preset): void {
    const { voxels } = this;
    if (!voxels) return;
    this.viewport.setProperties({ voiRange: rangeOf(voxels, preset) });
    this.viewport.render();
  }

  zoomBy(factor: number, at?: readonly [number, number]): void {
    enlarge(this.viewport, this.element, factor, at);
  }

  invert(): void {
    this.viewport.setProperties({ invert: this.viewport.getProperties()?.invert !== true });
    this.viewport.render();
    this.listener.viewed(this.view());
  }

  /** The plane stays where the reader is, as an image of a stack does. */
  reset(): void {
    const { focalPoint } = this.viewport.getCamera();
    this.viewport.setOrientation(AXIS[this.member.plane], false, true);
    this.viewport.resetCamera({ suppressEvents: true }); // told, it sets back the crosshair, and with it the turn of every other plane
    cutWhereItLooks(this.viewport);
    this.dress();
    if (focalPoint) this.goTo(focalPoint);
    this.tools?.again();
    this.tellPlace();
  }

  regionThrough(
    volumes: readonly VolumeGeometry[],
    progress: (done: number) => void,
    signal: AbortSignal,
  ): Promise<readonly RegionValues[]> | undefined {
    const drawn = this.slab.thickness > 0 ? undefined : this.measurements?.region();
    return drawn && regionThrough(drawn, volumes, progress, signal);
  }

  clear(): Removal | undefined {
    return this.measurements?.remove();
  }

  undo(): void {
    this.measurements?.undo();
  }

  redo(): void {
    this.measurements?.redo();
  }

  letGo(): void {
    this.measurements?.drop();
    this.measurements?.unchoose();
    this.viewport.render();
  }

  toCanvas(world: Point): readonly [number, number] | undefined {
    return this.voxels && this.viewport.worldToCanvas([...world]);
  }

  close(): void {
    this.closing.abort();
    this.measurements?.close();
    this.stopFollowing();
    if (this.tools) leavePlaneTools(this.toolsKey, this.viewportId, ENGINE);
    this.overlay.close();
    renderingEngine().disableElement(this.viewportId);
    for (const claimed of this.claims) this.drop(claimed);
  }

  isWhole(): boolean {
    return this.voxels !== undefined && Math.abs(this.viewport.getZoom() - 1) < 0.01;
  }

  /** Place and turn stay: a reset that is told sets back the crosshair, and with it every plane of the volume. */
  fit(): void {
    const { focalPoint, position, viewPlaneNormal, viewUp } = this.viewport.getCamera();
    this.viewport.resetCamera({ suppressEvents: true });
    this.viewport.setCamera({ focalPoint, position, viewPlaneNormal, viewUp } as Types.ICamera);
    this.viewport.render();
  }

  private async fill(geometry: VolumeGeometry): Promise<void> {
    try {
      const voxels = await this.claim(geometry);
      if (this.closing.signal.aborted) return;
      if (this.geometry !== geometry) {
        if (this.shown !== geometry) this.drop(geometry); // another moment was asked for meanwhile
        return;
      }
      const kept = this.voxels ? { camera: this.viewport.getCamera(), shown: this.viewport.getProperties() } : undefined;
      await this.viewport.setVolumes([{ volumeId: voxels.id }]);
      if (this.closing.signal.aborted) return;
      this.voxels = voxels;
      if (this.shown && this.shown !== geometry) this.drop(this.shown);
      this.shown = geometry;
      if (kept) {
        const { voiRange, invert } = kept.shown ?? {};
        this.viewport.setProperties({ ...(voiRange && { voiRange }), ...(invert !== undefined && { invert }) });
        const { focalPoint, position, parallelScale, viewUp, viewPlaneNormal } = kept.camera;
        this.viewport.setCamera({ focalPoint, position, parallelScale, viewUp, viewPlaneNormal } as Types.ICamera);
        this.setSlab(this.slab.thickness, this.slab.mode);
      } else {
        this.dress();
        this.join();
      }
      if (this.overlay.voxels) {
        await this.overlay.lay();
        this.setSlab(this.slab.thickness, this.slab.mode);
      } else if (this.wishedOverlay) this.setOverlay(this.wishedOverlay);
      this.tellPlace();
      this.listener.ready(voxels.reduced);
      requestAnimationFrame(() => this.closing.signal.aborted || this.viewport.render()); // when its texture is there
    } catch (error) {
      if (!this.closing.signal.aborted) this.listener.failed(error instanceof VolumeError ? error.why : "memory");
    }
  }

  private claim(geometry: VolumeGeometry): Promise<VoxelVolume> {
    const made = acquire(geometry, "planes", this.progress);
    if (this.claims.has(geometry)) release(geometry, "planes", this.progress); // one claim is enough
    this.claims.add(geometry);
    return made;
  }

  private drop(geometry: VolumeGeometry): void {
    if (this.claims.delete(geometry)) release(geometry, "planes", this.progress);
  }

  /** Window and slab as at the beginning. */
  private dress(): void {
    if (!this.voxels) return;
    const { range, sigmoid, inverted } = this.voxels;
    const VOILUTFunction = sigmoid ? VOILUTFunctionType.SAMPLED_SIGMOID : VOILUTFunctionType.LINEAR;
    this.viewport.setProperties({ voiRange: range, VOILUTFunction, invert: inverted });
    this.setSlab(this.slab.thickness, this.slab.mode);
  }

  private join(): void {
    this.tools = planeTools(this.toolsKey);
    this.tools.add(this.member, ENGINE);
    this.measurements = new Measurements(this.element, this.viewport, this.tools, {
      isShown: (one) => this.isShown(one),
      isOwn: (one) => this.isParallel(one) || this.isShown(one),
    });
    if (this.wishedTool !== "window") this.tools.take(this.wishedTool);
  }

  /** As the images are counted, where the planes are the images. */
  private index(): number {
    const index = this.viewport.getSliceIndex();
    return this.isBackwards() ? this.viewport.getNumberOfSlices() - 1 - index : index;
  }

  /** Whether the planes are the images of the stack, which reads them from the other end. */
  private isBackwards(): boolean {
    const { viewPlaneNormal: own } = this.viewport.getCamera();
    if (!own) return false;
    const [x, y, z] = axisOf(this.geometry, 2);
    const along = (x * own[0] + y * own[1] + z * own[2]) * (this.geometry.isReadBackwards ? -1 : 1);
    return along < -PARALLEL;
  }

  private isShown(one: Annotation): boolean {
    const point = lonePoint(one);
    if (point) return this.isInSpace(one) && Math.abs(awayFrom(this.viewport.getCamera(), point)) < this.thickness() / 2;
    return this.isParallel(one) && Math.abs(this.distanceTo(one)) < this.thickness() / 2;
  }

  private isInSpace({ metadata }: Annotation): boolean {
    return metadata?.FrameOfReferenceUID === this.viewport.getFrameOfReferenceUID();
  }

  /** Drawn in this space on planes like the one shown. */
  private isParallel(one: Annotation): boolean {
    const { viewPlaneNormal: own } = this.viewport.getCamera();
    const normal = one.metadata?.viewPlaneNormal;
    if (!own || !normal || !this.isInSpace(one)) return false;
    return Math.abs(own[0] * normal[0] + own[1] * normal[1] + own[2] * normal[2]) > PARALLEL;
  }

  /** From the plane shown to the one it was drawn on, mm. */
  private distanceTo({ metadata }: Annotation): number {
    const at = metadata?.cameraFocalPoint;
    return at ? awayFrom(this.viewport.getCamera(), at) : 0;
  }

  /** How thick a voxel is across the plane, mm. */
  private thickness(): number {
    const { voxels } = this;
    const { viewPlaneNormal: own } = this.viewport.getCamera();
    if (!voxels || !own) return 0;
    return [0, 1, 2].reduce((sum, axis) => {
      const [x = 0, y = 0, z = 0] = axisOf(voxels, axis);
      return sum + Math.abs(x * own[0] + y * own[1] + z * own[2]) * (voxels.spacing[axis] ?? 0);
    }, 0);
  }

  private listen(): void {
    const { signal } = this.closing;
    this.element.addEventListener(Events.CAMERA_MODIFIED, () => cutWhereItLooks(this.viewport), { signal });
    for (const name of [Events.VOI_MODIFIED, Events.CAMERA_MODIFIED, Events.IMAGE_RENDERED]) {
      this.element.addEventListener(
        name,
        () => {
          this.listener.viewed(this.view());
          if (name !== Events.VOI_MODIFIED) this.tellPlace();
        },
        { signal },
      );
    }
    followWheel(this.element, (factor, at) => this.zoomBy(factor, at), this.closing.signal);
    const point = (event: PointerEvent): void => {
      const box = this.element.getBoundingClientRect();
      this.listener.pointed(this.pixelAt([event.clientX - box.left, event.clientY - box.top]));
    };
    this.element.addEventListener("pointermove", point, { signal });
    this.element.addEventListener("pointerleave", () => this.listener.pointed(undefined), { signal });
    this.element.addEventListener("contextmenu", (event) => event.preventDefault(), { signal });
  }

  /** The nearest voxel; a slab's picture is of no single one. */
  private pixelAt(at: Types.Point2): PixelReading | undefined {
    const data = this.voxels && this.viewport.getImageData();
    if (!data) return undefined;
    const world = this.viewport.canvasToWorld(at);
    const index = utilities.transformWorldToIndex(data.imageData, world) as Types.Point3;
    if (!utilities.indexWithinDimensions(index, data.dimensions)) return undefined;
    const value = data.voxelManager?.getAtIJKPoint(index);
    const values = this.slab.thickness === 0 && typeof value === "number" ? [value] : undefined;
    const above = this.slab.thickness === 0 ? this.overlay.valueAt(world) : undefined;
    const over = above === undefined ? undefined : { value: above, dataset: this.overlay.voxels?.dataset ?? {} };
    return { column: index[0], row: index[1], slice: index[2], values, ...(over && { over }) };
  }

  private view(): View {
    const { voiRange, invert } = this.viewport.getProperties() ?? {};
    const window = voiRange && utilities.windowLevel.toWindowLevel(voiRange.lower, voiRange.upper);
    return {
      window: window ? { center: window.windowCenter, width: window.windowWidth } : undefined,
      zoom: this.viewport.getZoom(),
      inverted: (invert === true) !== (this.voxels?.storedInverted === true),
    };
  }

  private tellPlace(): void {
    if (!this.voxels) return;
    const { viewUp = [0, -1, 0], viewPlaneNormal = [0, 0, -1], focalPoint = [0, 0, 0], parallelScale = 1 } = this.viewport.getCamera();
    const right = crossed(viewUp, viewPlaneNormal);
    const cosines = [...right, ...viewUp.map((value) => -value)].map((value) => value + 0); // no negative zero
    const oblique = !cosines.slice(0, 3).some((value) => Math.abs(value) > STRAIGHT) || !viewUp.some((value) => Math.abs(value) > STRAIGHT);
    const place: PlanePlace = {
      plane: this.member.plane,
      index: this.index(),
      count: this.viewport.getNumberOfSlices(),
      cosines,
      centre: [...focalPoint] as [number, number, number],
      mmPerPixel: (2 * parallelScale) / (this.element.clientHeight || 1),
      oblique,
    };
    const key = JSON.stringify(place);
    if (key === this.told) return;
    this.told = key;
    this.listener.placed(place);
  }
}

/** Of a slab, so many samples a voxel that the greatest and the least are not passed by; of a plane one is all there is. */
function sampleFinely(actor: vtkVolume, thickness: number): void {
  const mapper = actor.getMapper() as vtkVolumeMapper;
  const spacing = mapper.getInputData().getSpacing();
  const plain = (spacing[0] + spacing[1] + spacing[2]) / 6; // as Cornerstone has it
  const fine = Math.max(Math.min(...spacing) / SAMPLES_A_VOXEL, thickness / SAMPLES_MAX);
  mapper.setSampleDistance(thickness > 0 ? Math.min(plain, fine) : plain);
}

/** Turned by the crosshair, Cornerstone goes on cutting the volume along the plane before: the picture was of that one. */
function cutWhereItLooks(viewport: Types.IVolumeViewport): void {
  const { updateClippingPlanesForActors: cut } = viewport as unknown as { updateClippingPlanesForActors(camera: Types.ICamera): Promise<void> };
  void cut.call(viewport, viewport.getCamera());
}

function crossed(a: Types.Point3, b: Types.Point3): Types.Point3 {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}
