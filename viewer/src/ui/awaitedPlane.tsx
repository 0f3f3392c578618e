/** What is seen of a volume while its images come over a slow link: the node's picture of the same plane. */

import { useEffect, useRef, useState } from "preact/hooks";

import { reach } from "@/dicomweb/reach";
import type { Vector, VolumeGeometry } from "@/dicomweb/geometry";
import { t } from "@/i18n";
import { extent, nodePlanePath, oneFurther, openingScale, opensAt, SIDES, wholeAlong, type NodePlane } from "@/model/nodePlane";
import { afterPaint } from "@/model/painted";
import { planeOutline } from "@/model/planeOutline";
import { loadViewport } from "@/ui/lazyViewport";
import type { LoadState } from "@/ui/volumeParts";

const WORTH_ASKING_MS = 2000; // the node needs some of it itself
const QUIET_MS = 120;
const LONGEST = 512;
const QUALITY = 60;

interface Shown {
  readonly url: string;
  /** Millimetres that the picture is wide and high. */
  readonly size: readonly [number, number];
  /** Where there is something of the volume on it, mm from its middle; undefined: its projection. */
  readonly outline: readonly (readonly [number, number])[] | undefined;
}

export interface Awaited {
  /** There is a picture of the node's on the screen. */
  readonly picture: Shown | undefined;
  /** The point of the patient in the middle of it. */
  readonly at: Vector;
  /** So many planes further. */
  step(count: number): void;
  goTo(at: Vector): void;
}

/**
 * The node's picture of the plane through `start`, else of the middle, until the volume stands; asked for where what is
 * still to come takes longer than that. `moved` is told where the reader went meanwhile. Of a volume in 3D: its projection.
 */
export function useAwaited(
  volume: VolumeGeometry,
  { plane, slab }: Pick<NodePlane, "plane" | "slab">,
  state: LoadState,
  { start, moved, solid = false }: { readonly start?: Vector | undefined; readonly solid?: boolean; moved?(at: Vector): void },
): Awaited | undefined {
  const [at, setAt] = useState<Vector>(() => opensAt(volume, plane, start));
  const [wanted, setWanted] = useState(false);
  const [picture, setPicture] = useState<Shown | undefined>(undefined);
  const [over, setOver] = useState(false);
  const { ready, bytesLeft } = state;
  useEffect(() => {
    if (ready || wanted || bytesLeft === 0) return;
    void loadViewport().then(({ transferTime }) => setWanted(transferTime(bytesLeft) > WORTH_ASKING_MS), () => {});
  }, [ready, wanted, bytesLeft]);
  useEffect(() => {
    if (ready) afterPaint(() => setOver(true));
  }, [ready]);
  const asked = nodePlanePath(volume, { plane, at: solid ? undefined : at, slab });
  useEffect(() => {
    if (!wanted || ready) return undefined;
    const left = new AbortController();
    const timer = setTimeout(() => {
      void take(asked, left.signal).then(
        (url) => setPicture({ url, size: sizeOf(volume, plane, slab.mm), outline: solid ? undefined : planeOutline(volume, plane, at, halfOf(volume, slab.mm)) }),
        () => {}, // the volume comes anyway
      );
    }, QUIET_MS);
    return () => {
      clearTimeout(timer);
      left.abort();
    };
  }, [volume, wanted, ready, asked]);
  useEffect(() => () => picture && URL.revokeObjectURL(picture.url), [picture]);
  const current = useRef(at);
  const goTo = (next: Vector): void => {
    const { from, to } = extent(volume);
    current.current = next.map((value, axis) => Math.min(Math.max(value, from[axis] ?? 0), to[axis] ?? 0)) as unknown as Vector;
    setAt(current.current);
    moved?.(current.current);
  };
  const step = (count: number): void => {
    const one = oneFurther(volume, plane);
    goTo(current.current.map((value, axis) => value + count * (one[axis] ?? 0)) as unknown as Vector);
  };
  return wanted && !over ? { picture, at, step, goTo } : undefined;
}

/** Images that are read ahead wait for it: it is what the reader looks at. */
async function take(asked: string, signal: AbortSignal): Promise<string> {
  const { holdBack } = await loadViewport();
  const goOn = holdBack();
  try {
    const path = `${asked}&viewport=${LONGEST},${LONGEST}&quality=${QUALITY}`;
    const answer = await reach(path, { headers: { Accept: "image/jpeg" }, credentials: "same-origin", signal }, false);
    if (!answer.ok) throw new TypeError("there is no picture of it");
    const url = URL.createObjectURL(await answer.blob());
    if (signal.aborted) URL.revokeObjectURL(url);
    signal.throwIfAborted();
    return url;
  } finally {
    goOn();
  }
}

const FINE_DEPTHS = 24;
const [SIDE_FINE, SIDE_COARSE] = [512, 256];

/** How far the outermost layers of the node's slab are from its middle, mm. */
function halfOf(volume: VolumeGeometry, slabMm: number): number {
  const fine = Math.min(...volume.spacing);
  return (Math.round(slabMm / fine) * fine) / 2;
}

/** As the node lays its grid (`pacs/render/volume.py: sample`): whole pixels, about as many as the voxels are wide. */
function sizeOf(volume: VolumeGeometry, plane: NodePlane["plane"], slabMm: number): [number, number] {
  const { right, down } = SIDES[plane];
  const wholes = [wholeAlong(volume, right), wholeAlong(volume, down)] as const;
  const fine = Math.min(...volume.spacing);
  const side = Math.round(slabMm / fine) + 1 <= FINE_DEPTHS ? SIDE_FINE : SIDE_COARSE;
  const pixel = Math.max(fine, ...wholes.map((whole) => whole / side));
  const whole = (length: number): number => Math.max(Math.floor(length / pixel + 0.5), 1) * pixel;
  return [whole(wholes[0]), whole(wholes[1])];
}

interface AwaitedPictureProps extends Pick<NodePlane, "plane"> {
  readonly volume: VolumeGeometry;
  readonly picture: Shown;
  readonly inverted: boolean;
  /** As `openingScale` has it. */
  readonly room?: number;
}

/** The picture where the plane will stand: the volume fills the viewport. What is around the volume stays black where it is inverted. */
export function AwaitedPicture({ volume, plane, picture, inverted, room }: AwaitedPictureProps) {
  const place = useRef<HTMLDivElement>(null);
  const [box, setBox] = useState<readonly [number, number]>([0, 0]);
  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const resizing = new ResizeObserver(() => setBox([element.clientWidth, element.clientHeight]));
    resizing.observe(element);
    return () => resizing.disconnect();
  }, []);
  const { right, down } = SIDES[plane];
  const mmPerPixel = openingScale(volume, [right, down], box, room);
  const size = { width: `${picture.size[0] / mmPerPixel}px`, height: `${picture.size[1] / mmPerPixel}px` };
  return (
    <div ref={place} class="awaited" data-testid="awaited-plane">
      <img style={{ ...size, ...(inverted && { filter: "invert(1)", clipPath: clipOf(picture) }) }} src={picture.url} alt="" />
    </div>
  );
}

function clipOf({ outline, size }: Shown): string {
  const places = outline?.map((place) => place.map((mm, axis) => `${(50 + (100 * mm) / (size[axis] ?? 1)).toFixed(2)}%`).join(" "));
  return places ? `polygon(${places.join(", ")})` : "none";
}

/** Where the plane lies, for fingers. */
export function AwaitedSlider({ volume, plane, awaited }: Pick<NodePlane, "plane"> & { readonly volume: VolumeGeometry; readonly awaited: Awaited }) {
  const { axis } = SIDES[plane];
  const { from, to } = extent(volume);
  return (
    <input
      type="range"
      data-testid="node-plane"
      min={from[axis]}
      max={to[axis]}
      value={awaited.at[axis]}
      aria-label={t("mpr.position")}
      onInput={({ currentTarget }) => awaited.goTo(awaited.at.map((value, along) => (along === axis ? Number(currentTarget.value) : value)) as unknown as Vector)}
    />
  );
}

/** How the picture lies in the patient: six cosines. */
export function cosinesOf(plane: NodePlane["plane"]): readonly number[] {
  const { right, down } = SIDES[plane];
  return [...right, ...down];
}
