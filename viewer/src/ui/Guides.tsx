/** What is drawn over an image to find one's way: where the active image cuts it, the crosshair, a ruler. */

import type { Frame } from "@/dicomweb/frames";
import { isInMillimetres, isMeasured, spacingOf, type SpacingBasis } from "@/dicomweb/spacing";
import { n, t } from "@/i18n";
import { cut, planeOf } from "@/model/planes";
import type { PaneProps } from "@/ui/paneProps";

interface GuidesProps extends PaneProps {
  readonly frame: Frame;
}

/** What is drawn at places of the patient. */
interface PlacedProps extends GuidesProps {
  /** Another value: the image lies otherwise. A part that is not told is not drawn anew, and would stay where it was. */
  readonly placed: string;
}

export function Guides(props: GuidesProps) {
  const { workspace, pane } = props;
  const { placed } = pane.view.value; // drawn anew whenever the image lies otherwise
  if (pane.shown.value.kind === "preview" || placed === undefined) return null;
  return (
    <svg class="guides" aria-hidden="true" data-placed={placed}>
      {workspace.switches.lines.value && <ReferenceLine {...props} placed={placed} />}
      <CrossMark {...props} placed={placed} />
      {workspace.switches.overlays.value && <Ruler {...props} placed={placed} />}
    </svg>
  );
}

/** The line in which the image of the active viewport cuts this one. */
function ReferenceLine({ workspace, pane, frame }: PlacedProps) {
  const active = workspace.active.value;
  const source = active === pane ? undefined : active.frame.value;
  const [from, to] = [source && planeOf(source), planeOf(frame)];
  const ends = from && to && cut(from, to);
  const controls = pane.controls.value;
  const [a, b] = (ends ?? []).map((end) => controls?.toCanvas?.(end));
  if (!a || !b) return null;
  return <line class="reference-line" data-testid="reference-line" x1={a[0]} y1={a[1]} x2={b[0]} y2={b[1]} />;
}

function CrossMark({ workspace, pane, frame }: PlacedProps) {
  const cross = workspace.cross.value;
  if (!cross || planeOf(frame)?.frameOfReferenceUid !== cross.frameOfReferenceUid) return null;
  const at = pane.controls.value?.toCanvas?.(cross.point);
  if (!at) return null;
  const [x, y] = at;
  return (
    <path
      class="cross-mark"
      data-testid="cross-mark"
      d={`M${x - 60} ${y}h48M${x + 12} ${y}h48M${x} ${y - 60}v48M${x} ${y + 12}v48`}
    />
  );
}

const RULER_PX = 160; // at most
const RULERS_MM = [500, 200, 100, 50, 20, 10, 5, 2, 1, 0.5, 0.2, 0.1];

/** A length in the patient at the size of the screen; none where sizes in mm are not known. */
function Ruler({ pane, frame }: PlacedProps) {
  const plane = planeOf(frame);
  if (!plane) return <ProjectionRuler pane={pane} frame={frame} />;
  const controls = pane.controls.value;
  const [origin, right] = plane.corners.map((corner) => controls?.toCanvas?.(corner));
  if (!origin || !right || !isMeasured(spacingOf(frame.dataset))) return null;
  const [one, other] = plane.corners;
  const millimetres = one && other ? Math.hypot(other[0] - one[0], other[1] - one[1], other[2] - one[2]) : 0;
  const perMillimetre = Math.hypot(right[0] - origin[0], right[1] - origin[1]) / millimetres;
  return <RulerLine perMillimetre={perMillimetre} />;
}

/** Of a projection: the detector's millimetres, or those that its magnification was estimated to; the ruler says which. */
function ProjectionRuler({ pane, frame }: Pick<PlacedProps, "pane" | "frame">) {
  const { row, column, basis } = spacingOf(frame.dataset);
  const { scale } = pane.view.value;
  const isSquare = Math.abs(row - column) < SQUARE * column; // else it is one ruler for two directions
  if (scale === undefined || !isSquare || !isInMillimetres({ row, column, basis })) return null;
  return <RulerLine perMillimetre={scale / devicePixelRatio / column} basis={basis} />;
}

const SQUARE = 0.01;

interface RulerLineProps {
  /** CSS pixels. */
  readonly perMillimetre: number;
  /** What its millimetres are, where they are not the patient's. */
  readonly basis?: SpacingBasis;
}

export function RulerLine({ perMillimetre, basis = "patient" }: RulerLineProps) {
  const length = RULERS_MM.find((one) => one * perMillimetre <= RULER_PX);
  if (!length || !Number.isFinite(perMillimetre)) return null;
  const width = length * perMillimetre;
  return (
    <g class="ruler" data-testid="ruler" data-millimetres={length} data-basis={basis} data-pixels={width.toFixed(2)} style={`--ruler: ${width}px`}>
      <svg x="50%" y="100%" overflow="visible">
        {["ruler-shade", "ruler-line"].map((name) => (
          <path key={name} class={name} d={`M${-width / 2} -42v8h${width}v-8`} />
        ))}
        <text y="-47" text-anchor="middle">
          {basis === "magnified" && "≈ "}
          {n(length, 1)} {t("unit.mm")}
          {basis === "detector" && ` · ${t("ruler.detector")}`}
        </text>
      </svg>
    </g>
  );
}
