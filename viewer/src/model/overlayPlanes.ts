/** Overlay planes over the images of a study: which are shown, by the object or a display state, and their bits. */

import { signal } from "@preact/signals";

import { framePath } from "@/dicomweb/client";
import type { Frame } from "@/dicomweb/frames";
import { layerColours } from "@/dicomweb/graphics";
import { Tag, text } from "@/dicomweb/json";
import { activatedBy, inlineBits, maskOf, overlayPlanesOf, planeFrameOver, type Mask, type OverlayPlane } from "@/dicomweb/overlayPlanes";
import { isAbout, shadeOf, shutterGroupOf } from "@/dicomweb/presentation";
import { reach } from "@/dicomweb/reach";
import type { Pane } from "@/model/pane";
import type { Workspace } from "@/model/workspace";

const WHITE = "rgb(255 255 255)"; // as the node draws them
const OCTETS = "application/octet-stream";
const UNCOMPRESSED = `${OCTETS}; transfer-syntax=1.2.840.10008.1.2.1`;
const KEPT_BYTES = 64 * 1024 * 1024;
const MASKS_KEPT = 24;

/** A plane over an image, as it is listed and drawn. */
export interface DrawnPlane {
  /** Of the plane in every image of its series, or in its display state. */
  readonly key: string;
  readonly plane: OverlayPlane;
  readonly colour: string;
  /** It covers the image as a shutter does: under the others, and not to be switched off. */
  readonly shutter: boolean;
  /** Whether it is on where nobody switched it. */
  readonly on: boolean;
  /** Its bits lie in a display state, and over every frame that this is about. */
  readonly ofState: boolean;
}

function shuttersFirst(one: DrawnPlane, other: DrawnPlane): number {
  return Number(other.shutter) - Number(one.shutter);
}

export class StudyPlanes {
  private readonly turned = signal<ReadonlyMap<string, boolean>>(new Map());
  private readonly arrived = signal(0);
  private readonly bytes = new Map<string, Uint8Array | Promise<void> | undefined>();
  private readonly masks = new Map<string, Mask | undefined>();

  constructor(private readonly workspace: Workspace) {}

  /** Those of the image itself and of the display state that it is shown through. */
  over(pane: Pane, frame: Frame): readonly DrawnPlane[] {
    const state = this.workspace.presenting.of(pane);
    const own = overlayPlanesOf(frame.dataset);
    if (!state || !isAbout(state, frame)) {
      const group = shutterGroupOf(frame.dataset);
      const entries = own.map((plane): DrawnPlane => {
        const shutter = plane.group === group;
        return { key: `${frame.seriesInstanceUid} ${plane.group}`, plane, colour: shutter ? shadeOf(undefined, frame) : WHITE, shutter, on: true, ofState: false };
      });
      return entries.toSorted(shuttersFirst);
    }
    const uid = text(state, Tag.SOPInstanceUID);
    const [shutter, active, colours] = [shutterGroupOf(state), activatedBy(state), layerColours(state)];
    const ofState = overlayPlanesOf(state).filter(({ group }) => group === shutter || active.has(group));
    const replaced = new Set(ofState.map(({ group }) => group));
    const entry = (plane: OverlayPlane, isOfState: boolean): DrawnPlane => ({
      key: `${uid} ${plane.group}`,
      plane,
      colour: plane.group === shutter ? shadeOf(state, frame) : (colours.get(active.get(plane.group) ?? "") ?? WHITE),
      shutter: isOfState && plane.group === shutter,
      on: plane.group === shutter ? isOfState : active.has(plane.group),
      ofState: isOfState,
    });
    const all = [...ofState.map((plane) => entry(plane, true)), ...own.filter(({ group }) => !replaced.has(group)).map((plane) => entry(plane, false))];
    return all.toSorted(shuttersFirst);
  }

  isOn({ key, on, shutter }: DrawnPlane): boolean {
    return shutter || (this.turned.value.get(key) ?? on);
  }

  turn({ key }: DrawnPlane, on: boolean): void {
    this.turned.value = new Map([...this.turned.peek(), [key, on]]);
  }

  /** Those that are to be seen. */
  shown(pane: Pane, frame: Frame): readonly DrawnPlane[] {
    const all = this.workspace.switches.graphics.value;
    return this.over(pane, frame).filter((drawn) => drawn.shutter || (all && this.isOn(drawn)));
  }

  /** What a plane covers of the frame; undefined while its bits are on their way, or where it does not lie over it. */
  maskOver({ key, plane, ofState }: DrawnPlane, frame: Frame): Mask | undefined {
    if (!ofState && plane.data && planeFrameOver(plane, frame.frameNumber) === undefined) return undefined;
    const name = `${key} ${frame.sopInstanceUid} ${frame.frameNumber}`;
    if (this.masks.has(name)) return this.masks.get(name);
    const bytes = inlineBits(plane) ?? this.bytesOf(plane, frame);
    if (!bytes) return undefined;
    const mask = maskOf(plane, bytes, ofState ? { dataset: frame.dataset, frameNumber: 1 } : frame);
    this.masks.set(name, mask);
    for (const [oldest] of this.masks) if (this.masks.size > MASKS_KEPT) this.masks.delete(oldest);
    return mask;
  }

  /** Resolves when everything that is to be seen over the frame is here, or is known not to come. */
  async have(pane: Pane, frame: Frame): Promise<void> {
    const waiting = this.shown(pane, frame).flatMap(({ plane }) => {
      const known = this.bytes.get(pathOf(plane, frame).path);
      return plane.data?.InlineBinary !== undefined || known instanceof Uint8Array ? [] : [known ?? this.fetch(plane, frame)];
    });
    await Promise.all(waiting);
  }

  private bytesOf(plane: OverlayPlane, frame: Frame): Uint8Array | undefined {
    void this.arrived.value; // asked again when something came
    const { path } = pathOf(plane, frame);
    const known = this.bytes.get(path);
    if (!this.bytes.has(path)) void this.fetch(plane, frame);
    return known instanceof Uint8Array ? known : undefined;
  }

  /** What cannot be had stays away until it is asked for by another frame. */
  private fetch(plane: OverlayPlane, frame: Frame): Promise<void> {
    const { path, accept } = pathOf(plane, frame);
    const coming = reach(path, { headers: { Accept: accept }, credentials: "same-origin" })
      .then(async (answer) => {
        this.bytes.set(path, answer.ok ? new Uint8Array(await answer.arrayBuffer()) : undefined);
      })
      .catch(() => {
        this.bytes.delete(path); // the node was out of reach
      })
      .then(() => {
        this.forgetOldest();
        this.arrived.value += 1;
      });
    this.bytes.set(path, coming);
    return coming;
  }

  private forgetOldest(): void {
    let total = 0;
    for (const [path, held] of [...this.bytes].toReversed()) {
      total += held instanceof Uint8Array ? held.byteLength : 0;
      if (total > KEPT_BYTES) this.bytes.delete(path);
    }
  }
}

function pathOf({ data }: OverlayPlane, frame: Frame): { readonly path: string; readonly accept: string } {
  if (data?.BulkDataURI === undefined) return { path: framePath(frame), accept: UNCOMPRESSED };
  return { path: new URL(data.BulkDataURI, location.href).pathname, accept: OCTETS };
}

const studies = new WeakMap<Workspace, StudyPlanes>();

export function overlayPlanes(workspace: Workspace): StudyPlanes {
  const known = studies.get(workspace) ?? new StudyPlanes(workspace);
  studies.set(workspace, known);
  return known;
}
