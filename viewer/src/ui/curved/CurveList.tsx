/** Curves that were laid through series of the study, in a menu: one press, and one looks along it. */

import { n, t } from "@/i18n";
import { formatDate } from "@/i18n/format";
import type { CurvedPath } from "@/model/curvedPath";
import { openCurve } from "@/model/laidCurves";
import type { Workspace } from "@/model/workspace";

export function CurveList({ workspace }: { readonly workspace: Workspace }) {
  const laid = workspace.curves.laid.value;
  if (laid.length === 0) return null;
  return (
    <>
      <p class="muted">{t("curved.list")}</p>
      {laid.map((curve, index) => (
        <button
          key={curve.uid}
          type="button"
          role="menuitem"
          data-testid="laid-curve"
          onClick={() => {
            workspace.menu.value = undefined;
            openCurve(workspace, curve, innerWidth);
          }}
        >
          <span>{curveName(curve, index)}</span>
          <span class="muted">{[dateBeside(workspace, curve), curveLength(curve)].filter((word) => word !== "").join(" · ")}</span>
        </button>
      ))}
    </>
  );
}

/** As the reader calls it, else by its place in the list. */
export function curveName({ name }: CurvedPath, index: number): string {
  return name.value.trim() || t("curved.unnamed", { index: n(index + 1) });
}

/** The date of the study beside whose images it was laid through; "" of what is read. */
function dateBeside({ beside, comparing }: Workspace, { seriesInstanceUid }: CurvedPath): string {
  const study = beside.series.find((one) => one.seriesInstanceUid === seriesInstanceUid)?.studyInstanceUid;
  return formatDate(comparing.priors.value?.find(({ studyInstanceUid }) => studyInstanceUid === study)?.date ?? "");
}

function curveLength({ path }: CurvedPath): string {
  return path.value ? t("curved.length", { mm: n(path.value.length, 1) }) : "";
}
