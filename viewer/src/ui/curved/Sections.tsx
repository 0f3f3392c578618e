/** Cross-sections square to the curve: where one looks in the middle, those before and after it beside. */

import { useMemo, useRef } from "preact/hooks";

import { orientationLetters } from "@/dicomweb/frames";
import { minus } from "@/dicomweb/geometry";
import { Tag } from "@/dicomweb/json";
import { n, t } from "@/i18n";
import { unit, type Path } from "@/model/curve";
import type { CurvedPath } from "@/model/curvedPath";
import type { Pane } from "@/model/pane";
import { section } from "@/model/reformation";
import { cellAt, NO_SLAB, readPixel, usePicture } from "@/ui/curved/sheetPicture";
import { useSize } from "@/ui/useSize";
import type { CurvedView, Sheet } from "@/viewport/volumeContract";

interface SectionsProps {
  readonly pane: Pane;
  readonly curve: CurvedPath;
  readonly view: CurvedView;
  readonly path: Path;
}

const AT_MOST = 7;
const GAP_PX = 4;
const LETTERS_PX = 90; // on less they hide the picture

export function Sections({ pane, curve, view, path }: SectionsProps) {
  const host = useRef<HTMLDivElement>(null);
  const [width, height] = useSize(host);
  const fitting = height > 0 ? Math.floor(width / height) : 1;
  const sides = Math.max(1, Math.trunc((Math.min(AT_MOST, fitting) - 1) / 2));
  const size = Math.min(height, width / (2 * sides + 1) - GAP_PX);
  const { gap } = curve.look.value;
  const places = Array.from({ length: 2 * sides + 1 }, (_, index) => curve.at.value.mm + (index - sides) * gap);
  return (
    <div ref={host} class="curved-sections">
      {size > 0 && places.map((along, index) => (
        <Section key={index} pane={pane} curve={curve} view={view} path={path} along={along} size={size} middle={index === sides} />
      ))}
    </div>
  );
}

interface SectionProps extends SectionsProps {
  readonly along: number;
  readonly size: number;
  readonly middle: boolean;
}

function Section(props: SectionProps) {
  const { curve, path, along, size } = props;
  const { form, width, turn } = curve.look.value;
  const inside = along >= -1e-6 && along <= path.length + 1e-6;
  const sheet = useMemo(
    () => (inside ? section(path, along, form, width, (turn * Math.PI) / 180) : undefined),
    [path, along, form, width, turn],
  );
  const style = { width: `${size}px`, height: `${size}px` };
  return sheet ? <SectionPicture {...props} sheet={sheet} /> : <div class="curved-section" style={style} />;
}

const SIDES = ["left", "right", "top", "bottom"] as const;

function SectionPicture({ pane, curve, view, along, size, middle, sheet }: SectionProps & { readonly sheet: Sheet }) {
  const canvas = usePicture(pane, view, sheet, NO_SLAB);
  const [first, second] = sheet.columns;
  const right = first && second ? unit(minus(second.centre, first.centre)) : undefined;
  const letters =
    middle && size >= LETTERS_PX && right && first && orientationLetters({ [Tag.ImageOrientationPatient]: { vr: "DS", Value: [...right, ...first.down] } });
  return (
    <div class={middle ? "curved-section middle" : "curved-section"} style={{ width: `${size}px`, height: `${size}px` }}>
      <button
        type="button"
        data-testid="curved-section"
        data-along={along}
        aria-label={t("curved.section", { mm: n(along, 1) })}
        onClick={() => curve.goTo(along, pane.id)}
        onPointerMove={(event) => readPixel(pane, view, sheet, NO_SLAB, cellAt(event, sheet))}
        onPointerLeave={() => (pane.pixel.value = undefined)}
      >
        <canvas ref={canvas} />
        <span class="curved-section-place">{n(along, 1)}</span>
      </button>
      {letters && SIDES.map((side) => <span key={side} class={`letter letter-${side}`} aria-hidden="true">{letters[side]}</span>)}
    </div>
  );
}
