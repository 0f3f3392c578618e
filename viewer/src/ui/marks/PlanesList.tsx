/** The overlay planes over an image: each with its switch and what the object says of it. */

import type { Frame } from "@/dicomweb/frames";
import type { OverlayPlane } from "@/dicomweb/overlayPlanes";
import { n, t } from "@/i18n";
import { overlayPlanes } from "@/model/overlayPlanes";
import type { PaneProps } from "@/ui/paneProps";

export function PlanesList({ workspace, pane, frame }: PaneProps & { readonly frame: Frame }) {
  const planes = overlayPlanes(workspace);
  const listed = planes.over(pane, frame).filter(({ shutter }) => !shutter);
  if (listed.length === 0) return null;
  const { graphics } = workspace.switches;
  return (
    <fieldset class="marks-entry" data-testid="planes-entry">
      <label class="marks-heading">
        <input type="checkbox" data-testid="planes-shown" checked={graphics.value} onChange={(event) => (graphics.value = event.currentTarget.checked)} />
        <span>{t("planes.title")}</span>
      </label>
      {graphics.value && (
        <ul class="marks-parts">
          {listed.map((drawn) => (
            <li key={drawn.key}>
              <label>
                <input type="checkbox" data-testid="plane" data-group={drawn.plane.group} checked={planes.isOn(drawn)} onChange={(event) => planes.turn(drawn, event.currentTarget.checked)} />
                <span class="marks-colour" style={{ background: drawn.colour }} />
                <span class="marks-label">
                  {nameOf(drawn.plane)}
                  <Measured plane={drawn.plane} />
                </span>
              </label>
            </li>
          ))}
        </ul>
      )}
    </fieldset>
  );
}

function nameOf({ label, description, subtype, region, group }: OverlayPlane): string {
  const said = [...new Set([label, description, subtype])].filter((words) => words !== "").join(" · ");
  return said || `${t(region ? "planes.region" : "planes.graphics")} ${group}`;
}

/** What the object itself says was measured in a region. */
function Measured({ plane: { region, area, mean, deviation } }: { readonly plane: OverlayPlane }) {
  if (!region || (area === undefined && mean === undefined)) return null;
  const spread = deviation === undefined ? "" : ` ± ${n(deviation, 2)}`;
  const figures = [
    ...(area === undefined ? [] : [`${t("measure.area")} ${n(area)} ${t("unit.px")}`]),
    ...(mean === undefined ? [] : [`${t("measure.mean")} ${n(mean, 2)}${spread}`]),
  ];
  return (
    <span class="muted plane-figures" data-testid="plane-figures">
      {figures.join(" · ")}
    </span>
  );
}
