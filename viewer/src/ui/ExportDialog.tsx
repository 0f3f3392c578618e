/** What of a study is taken away as a ZIP file: all of it, chosen series, or the key images. */

import { useState } from "preact/hooks";

import { counted, t } from "@/i18n";
import type { PlainKey } from "@/i18n/catalogue";
import { exportLink } from "@/model/route";
import type { Workspace } from "@/model/workspace";
import { Dialog } from "@/ui/Dialog";
import { seriesTitle } from "@/ui/seriesTitle";
import "@/ui/exportDialog.css";

interface ExportProps {
  readonly workspace: Workspace;
  close(): void;
}

type Scope = "study" | "series" | "key";

const SCOPES: Readonly<Record<Scope, PlainKey>> = { study: "export.study", series: "export.series", key: "export.key" };
const CHOSEN_MOST = 200; // so many the node takes at once

/** The objects of the images that are marked, in this session or in the archive. */
export function keyObjects(marked: Iterable<string>): string[] {
  return [...new Set([...marked].map((key) => key.slice(0, key.indexOf("#"))))];
}

export function ExportDialog({ workspace, close }: ExportProps) {
  const { study } = workspace;
  const all = study.series.value;
  const active = workspace.active.value.showing.value?.series.seriesInstanceUid;
  const [scope, setScope] = useState<Scope>("study");
  const [series, setSeries] = useState<ReadonlySet<string>>(new Set(all.map(({ seriesInstanceUid }) => seriesInstanceUid).filter((uid) => uid === active)));
  const keys = keyObjects(workspace.keyImages.value);
  const chosen = { study: {}, series: { series: [...series] }, key: { instance: keys } }[scope];
  const size = { study: 1, series: series.size, key: keys.length }[scope];
  const toggle = (uid: string): void => {
    const next = new Set(series);
    if (!next.delete(uid)) next.add(uid);
    setSeries(next);
  };
  return (
    <Dialog label={t("export.zip")} name="export" close={close}>
      <form method="dialog" class="export">
        <h2>{t("export.zip")}</h2>
        <div role="radiogroup" aria-label={t("export.what")}>
          {(Object.keys(SCOPES) as Scope[])
            .filter((one) => one !== "key" || keys.length > 0)
            .map((one) => (
              <label key={one} class="check">
                <input type="radio" name="scope" data-testid={`export-${one}`} checked={scope === one} onChange={() => setScope(one)} />
                {t(SCOPES[one])}
                {one === "key" && <span class="muted">{counted("import.objects", keys.length)}</span>}
              </label>
            ))}
        </div>
        {scope === "series" && (
          <div class="export-series" role="group" aria-label={t("export.series")}>
            {all.map((one) => (
              <label key={one.seriesInstanceUid} class="check">
                <input
                  type="checkbox"
                  data-testid="export-one-series"
                  checked={series.has(one.seriesInstanceUid)}
                  onChange={() => toggle(one.seriesInstanceUid)}
                />
                {one.modality} {seriesTitle(one)}
                {one.numberOfInstances > 0 && <span class="muted">{counted("import.objects", one.numberOfInstances)}</span>}
              </label>
            ))}
          </div>
        )}
        <p class="muted">{t("export.explain", { pictures: t("tool.pictures") })}</p>
        <div class="dialog-end">
          {size === 0 || size > CHOSEN_MOST ? (
            <button type="button" class="button primary" disabled>
              {t("export.download")}
            </button>
          ) : (
            <a
              class="button primary"
              href={exportLink([study.studyInstanceUid], chosen)}
              download
              data-testid="export-link"
              onClick={() => setTimeout(close)} // once the browser has followed it
            >
              {t("export.download")}
            </a>
          )}
          <button type="submit" class="button">
            {t("dialog.cancel")}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
