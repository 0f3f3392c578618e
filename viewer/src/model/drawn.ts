/** From the marks of a presentation state to lines and letters on the screen. */

import type { Compound, Mark, Pair } from "@/dicomweb/graphics";

/** Lines in CSS pixels, each from point to point. */
export interface Strokes {
  readonly lines: readonly (readonly Pair[])[];
  readonly filled: boolean;
  readonly letters: readonly { readonly at: Pair; readonly text: string }[];
}

/** Where things lie on the screen. */
export interface Ground {
  /** A point of the mark on the screen. */
  place(point: Pair): Pair;
  /** How long a fraction of the displayed area is on the screen. */
  readonly area: number;
}

const STEPS = 64;
const CURVE_STEPS = 16;
const FAR = 1e4; // CSS pixels: beyond every screen
const [ARM, HEAD, TICK] = [5, 12, 6]; // CSS pixels
const RULER_TICKS = 10;

/** An ellipse about a point with two half axes. */
export function around([x, y]: Pair, [a, b]: Pair, [c, d]: Pair): Pair[] {
  return Array.from({ length: STEPS + 1 }, (_, step) => {
    const angle = (2 * Math.PI * step) / STEPS;
    return [x + a * Math.cos(angle) + c * Math.sin(angle), y + b * Math.cos(angle) + d * Math.sin(angle)] as const;
  });
}

function between([x, y]: Pair, [u, v]: Pair, share: number): Pair {
  return [x + (u - x) * share, y + (v - y) * share];
}

/** A smooth curve through every point (Catmull-Rom), closed where the last is the first: as the node draws it. */
function spline(points: readonly Pair[]): Pair[] {
  const [first, last] = [points[0], points.at(-1)];
  if (!first || !last || points.length < 3) return [...points];
  const closed = first[0] === last[0] && first[1] === last[1];
  const known = [(closed && points.at(-2)) || first, ...points, (closed && points[1]) || last];
  const curve: Pair[] = [];
  for (let index = 0; index + 3 < known.length; index += 1) {
    const four = known.slice(index, index + 4) as [Pair, Pair, Pair, Pair];
    for (let step = 0; step < CURVE_STEPS; step += 1) curve.push([cubic(four, 0, step / CURVE_STEPS), cubic(four, 1, step / CURVE_STEPS)]);
  }
  return [...curve, last];
}

function cubic([p, q, r, s]: readonly [Pair, Pair, Pair, Pair], axis: 0 | 1, t: number): number {
  const [before, start, end, after] = [p[axis], q[axis], r[axis], s[axis]];
  const square = (2 * before - 5 * start + 4 * end - after) * t ** 2;
  return 0.5 * (2 * start + (end - before) * t + square + (3 * start - before - 3 * end + after) * t ** 3);
}

/** The lines of a graphic type (C.10.5.1.2), in its own units. */
function outline({ type, points }: Mark): readonly Pair[] {
  const [a, b, c, d] = points;
  if (type === "CIRCLE" && a && b) {
    const radius = Math.hypot(b[0] - a[0], b[1] - a[1]);
    return around(a, [radius, 0], [0, radius]);
  }
  if (type === "ELLIPSE" && a && b && c && d) {
    return around(between(a, b, 0.5), [(b[0] - a[0]) / 2, (b[1] - a[1]) / 2], [(d[0] - c[0]) / 2, (d[1] - c[1]) / 2]);
  }
  return type === "INTERPOLATED" ? spline(points) : points;
}

function turnedAbout([x, y]: Pair, pivot: Pair, degrees: number): Pair {
  const [cosine, sine] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const [right, down] = [x - pivot[0], y - pivot[1]];
  return [pivot[0] + right * cosine + down * sine, pivot[1] - right * sine + down * cosine]; // rows grow downwards
}

/** What of a line lies beyond a circle, on both sides. */
function withoutGap(from: Pair, to: Pair, middle: Pair, radius: number): Pair[][] {
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
  if (length === 0 || radius <= 0) return [[from, to]];
  const along = ((middle[0] - from[0]) * (to[0] - from[0]) + (middle[1] - from[1]) * (to[1] - from[1])) / length;
  const foot = between(from, to, along / length);
  const beside = Math.hypot(foot[0] - middle[0], foot[1] - middle[1]);
  if (beside >= radius) return [[from, to]];
  const half = Math.sqrt(radius ** 2 - beside ** 2);
  const [low, high] = [along - half, along + half];
  return [
    ...(low > 0 ? [[from, between(from, to, Math.min(1, low / length))]] : []),
    ...(high < length ? [[between(from, to, Math.max(0, high / length)), to]] : []),
  ];
}

/** Of unit length, along a line, and across it to its right on the screen. */
function ways([x, y]: Pair, [u, v]: Pair): { readonly along: Pair; readonly across: Pair } {
  const length = Math.hypot(u - x, v - y) || 1;
  const along: Pair = [(u - x) / length, (v - y) / length];
  return { along, across: [-along[1], along[0]] };
}

function beside([x, y]: Pair, [right, down]: Pair, distance: number): Pair {
  return [x + right * distance, y + down * distance];
}

/** A line across at each end of it. */
function bars(from: Pair, to: Pair): Pair[][] {
  const { across } = ways(from, to);
  return [from, to].map((end) => [beside(end, across, -TICK), beside(end, across, TICK)]);
}

/** Ticks along a line with their labels; BOTTOM is to the right of whoever goes from its first point to its second. */
function ticked(from: Pair, to: Pair, { ticks, tickAlignment, labelAlignment }: Compound): Pick<Strokes, "lines" | "letters"> {
  const { across } = ways(from, to);
  const [above, below] = { TOP: [-TICK, 0], BOTTOM: [0, TICK] }[tickAlignment] ?? [-TICK, TICK];
  const side = labelAlignment === "TOP" ? -1 : 1;
  return {
    lines: ticks.map(({ at }) => [beside(between(from, to, at), across, above ?? 0), beside(between(from, to, at), across, below ?? 0)]),
    letters: ticks.filter(({ label }) => label !== "").map(({ at, label }) => ({ at: beside(between(from, to, at), across, side * 3 * TICK), text: label })),
  };
}

const EVEN = Array.from({ length: RULER_TICKS + 1 }, (_, index) => ({ at: index / RULER_TICKS, label: "" }));

type Draw = (points: readonly Pair[], compound: Compound, ground: Ground, pivot: Pair | undefined) => Partial<Strokes>;

function infinite(from: Pair, to: Pair): [Pair, Pair] {
  const { along } = ways(from, to);
  return [beside(from, along, -FAR), beside(from, along, FAR)];
}

/** What each compound type draws (C.10.5.1.3.3 to C.10.5.1.3.11), its points being on the screen and turned already. */
const COMPOUND: Readonly<Record<string, Draw>> = {
  MULTILINE: (points) => ({ lines: points.flatMap((from, index) => (index % 2 === 0 && points[index + 1] ? [[from, points[index + 1] as Pair]] : [])) }),
  INFINITELINE: ([a, b], { gap }, { area }, pivot) => (a && b ? { lines: withoutGap(...infinite(a, b), pivot ?? between(a, b, 0.5), (gap * area) / 2) } : {}),
  CUTLINE: ([a, b], { gap }, { area }, pivot) => (a && b ? { lines: withoutGap(a, b, pivot ?? between(a, b, 0.5), (gap * area) / 2) } : {}),
  RANGELINE: ([a, b]) => (a && b ? { lines: [[a, b], ...bars(a, b)] } : {}),
  RULER: ([a, b], compound) => {
    if (!a || !b) return {};
    const marks = ticked(a, b, compound.ticks.length > 0 ? compound : { ...compound, ticks: EVEN });
    return { ...marks, lines: [[a, b], ...marks.lines] };
  },
  AXIS: ([a, b], compound) => {
    if (!a || !b) return {};
    const marks = ticked(a, b, compound);
    return { ...marks, lines: [[a, b], ...marks.lines] };
  },
  CROSSHAIR: ([middle], { gap, visible }, { area }) => {
    if (!middle) return {};
    const reach = visible === undefined ? FAR : (visible * area) / 2;
    const arms: Pair[] = [[1, 0], [0, 1]]; // prettier-ignore
    return { lines: arms.flatMap((arm) => withoutGap(beside(middle, arm, -reach), beside(middle, arm, reach), middle, (gap * area) / 2)) };
  },
  ARROW: ([head, foot]) => {
    if (!head || !foot) return {};
    const { along, across } = ways(head, foot);
    const barb = (side: number): Pair => beside(beside(head, along, HEAD), across, (side * HEAD) / 3);
    return { lines: [[head, foot], [barb(1), head, barb(-1)]] };
  },
};

/** Rectangles and ellipses between two corners become outlines before they are turned. */
function cornered({ type, points }: Mark): readonly Pair[] {
  const [a, b] = points;
  if (!a || !b) return points;
  const [left, top, right, bottom] = [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[0], b[0]), Math.max(a[1], b[1])];
  if (type === "RECTANGLE") return [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]; // prettier-ignore
  if (type === "ELLIPSE") return around([(left + right) / 2, (top + bottom) / 2], [(right - left) / 2, 0], [0, (bottom - top) / 2]);
  return points;
}

/** A mark as it lies on the screen. */
export function strokesOf(mark: Mark, ground: Ground): Strokes {
  const { compound, filled } = mark;
  const nothing = { lines: [], letters: [], filled };
  if (compound) {
    const { angle, pivot } = compound;
    const turn = (point: Pair): Pair => (pivot && angle !== 0 ? turnedAbout(point, pivot, angle) : point);
    const placed = cornered(mark).map((point) => ground.place(turn(point)));
    const draw = COMPOUND[mark.type];
    return draw ? { ...nothing, ...draw(placed, compound, ground, pivot && ground.place(pivot)) } : { ...nothing, lines: [placed] };
  }
  const [first] = mark.points;
  if (!first) return nothing;
  if (mark.type === "TEXT") return { ...nothing, letters: [{ at: beside(ground.place(first), [1, 1], 6), text: mark.text }] };
  if (mark.type === "POINT") {
    const [x, y] = ground.place(first);
    return { ...nothing, lines: [[[x - ARM, y], [x + ARM, y]], [[x, y - ARM], [x, y + ARM]]] }; // prettier-ignore
  }
  return { ...nothing, lines: [outline(mark).map((point) => ground.place(point))] };
}
