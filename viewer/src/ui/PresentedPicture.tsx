/** The node's picture of an image through a display state, where the viewport cannot apply all of it: marked, not for diagnosis. */

import { useState } from "preact/hooks";

import type { Frame } from "@/dicomweb/frames";
import { t } from "@/i18n";
import type { PaneProps } from "@/ui/paneProps";

const LONGEST_PX = 2048;
const QUALITY = 90;

export function PresentedPicture({ workspace, pane, frame }: PaneProps & { readonly frame: Frame }) {
  const path = workspace.presenting.pictureOf(pane, frame);
  return path === undefined ? null : <Picture key={path} path={path} />;
}

function Picture({ path }: { readonly path: string }) {
  const [failed, setFailed] = useState(false);
  const size = Math.min(LONGEST_PX, Math.ceil(Math.max(innerWidth, innerHeight) * devicePixelRatio));
  return (
    <div class="presented" data-testid="presented-picture" data-failed={failed}>
      {!failed && <img src={`${path}?viewport=${size},${size}&quality=${QUALITY}`} alt={t("states.picture")} onError={() => setFailed(true)} />}
      <span class="badge" role="status" title={t("states.picture.explain")}>
        {failed ? t("states.failed") : `${t("states.picture")} · ${t("notForDiagnosis")}`}
      </span>
    </div>
  );
}

/** That frames are shown less their masks, and the way back. */
export function SubtractionMark({ workspace, pane }: PaneProps) {
  const { masks = [] } = pane.view.value;
  const { presenting } = workspace;
  if (masks.length === 0 && !presenting.subtractable(pane)) return null;
  const on = masks.length > 0;
  return (
    <button
      type="button"
      class="button also-others"
      data-testid="subtraction"
      aria-pressed={on}
      title={t("states.masks.explain")}
      onClick={() => void presenting.turnMasks(pane)}
    >
      {on ? t("states.masks", { frames: masks.join(", ") }) : t("states.natural")}
    </button>
  );
}
