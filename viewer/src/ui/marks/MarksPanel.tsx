/** The list of what is marked on the images of a viewport: each with its colour, a switch, and the way to it. */

import { useState } from "preact/hooks";

import type { Frame } from "@/dicomweb/frames";
import type { Vector } from "@/dicomweb/geometry";
import { n, t } from "@/i18n";
import { marksOf, type MarkedPart, type Marks } from "@/model/marks";
import type { Pane } from "@/model/pane";
import { overlayPlanes } from "@/model/overlayPlanes";
import { nearest } from "@/model/planes";
import type { Workspace } from "@/model/workspace";
import { Icon } from "@/ui/icons";
import { PlanesList } from "@/ui/marks/PlanesList";
import "@/ui/marks/marks.css";
import type { PaneProps } from "@/ui/paneProps";

/** `frame`: the image of a stack, whose overlay planes are listed too. Nothing where there is nothing to be listed. */
export function MarksPanel({ workspace, pane, frame }: PaneProps & { readonly frame?: Frame }) {
  const study = marksOf(workspace);
  const [open, setOpen] = useState(false);
  const planes = frame !== undefined && overlayPlanes(workspace).over(pane, frame).some(({ shutter }) => !shutter);
  if (study.candidates.value.length === 0 && !planes) return null;
  const own = study.all.value.filter((marks) => marks.belongsTo(pane.content.value));
  const toggle = (): void => {
    study.ask();
    setOpen(!open);
  };
  return (
    // oxlint-disable-next-line jsx-a11y/no-static-element-interactions -- a double click on a switch is two clicks
    <div class="marks-place" onDblClick={(event) => event.stopPropagation()}>
      <button type="button" class="button marks-button" aria-expanded={open} data-testid="marks-button" onClick={toggle}>
        <Icon name="overlays" />
        {t("marks.title")}
      </button>
      {open && (
        <div class="marks-panel" data-testid="marks-panel" data-keys="own">
          {frame && <PlanesList workspace={workspace} pane={pane} frame={frame} />}
          {own.length === 0 && !planes && <p class="muted">{t("marks.none")}</p>}
          {own.map((marks) => (
            <MarksEntry key={marks.source.sopInstanceUid} workspace={workspace} pane={pane} marks={marks} />
          ))}
        </div>
      )}
    </div>
  );
}

interface MarksEntryProps extends PaneProps {
  readonly marks: Marks;
}

function MarksEntry({ workspace, pane, marks }: MarksEntryProps) {
  const { segmentation } = marks;
  const shown = marks.shown.value;
  const loading = shown && !marks.failed.value && marks.loaded.value < marks.total;
  return (
    <fieldset class="marks-entry" data-testid="marks-entry" data-loaded={marks.loaded.value} data-total={marks.total}>
      <label class="marks-heading">
        <input type="checkbox" data-testid="marks-shown" checked={shown} onChange={(event) => marks.turn(event.currentTarget.checked)} />
        <span>{marks.title}</span>
        <span class="muted">{marks.modality}</span>
      </label>
      {loading && <p class="muted">{t("volume.loading", { loaded: marks.loaded.value, total: marks.total })}</p>}
      {marks.failed.value && <p class="caution">{t("marks.failed")}</p>}
      {"left" in marks.source && marks.source.left > 0 && <p class="caution">{t("marks.left", { count: marks.source.left })}</p>}
      {shown && (
        <>
          <label class="marks-opacity">
            <span class="muted">{t("marks.opacity")}</span>
            <input
              type="range"
              min={0}
              max={100}
              value={marks.opacity.value * 100}
              aria-valuetext={`${n(marks.opacity.value * 100)} %`}
              data-testid="marks-opacity"
              onInput={(event) => (marks.opacity.value = Number(event.currentTarget.value) / 100)}
            />
          </label>
          <ul class="marks-parts">
            {marks.parts.map((part) => (
              <PartEntry key={part.number} workspace={workspace} pane={pane} part={part} />
            ))}
          </ul>
        </>
      )}
      {segmentation && !marks.isAmongImages && (
        <button
          type="button"
          class="button quiet"
          data-testid="marks-own"
          data-series-uid={marks.series.seriesInstanceUid}
          onClick={() => workspace.show({ kind: "stack", series: marks.series, options: { own: true } }, pane)}
        >
          {t("marks.own")}
        </button>
      )}
    </fieldset>
  );
}

function PartEntry({ workspace, pane, part }: PaneProps & { readonly part: MarkedPart }) {
  const [r, g, b] = part.colour;
  const { middle } = part;
  return (
    <li>
      <label title={part.detail}>
        <input type="checkbox" data-testid="marks-part" checked={part.shown.value} onChange={(event) => (part.shown.value = event.currentTarget.checked)} />
        <span class="marks-colour" style={{ background: `rgb(${r} ${g} ${b})` }} />
        <span class="marks-label">{part.label}</span>
      </label>
      {middle && (
        <button type="button" class="button quiet" data-testid="marks-go" aria-label={t("marks.go", { name: part.label })} onClick={() => goTo(workspace, pane, middle)}>
          <Icon name="crosshair" />
        </button>
      )}
    </li>
  );
}

/** The image, or plane, through a point. */
export function goTo(workspace: Workspace, pane: Pane, point: Vector): void {
  const controls = pane.controls.peek();
  if (controls?.goTo) {
    controls.goTo(point);
    return;
  }
  const index = nearest(pane.content.peek().frames, point);
  if (index !== undefined) pane.goTo(index);
  workspace.activate(pane);
}
