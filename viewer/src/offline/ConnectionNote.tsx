/** The strip above everything: the node is out of reach and what that means here, or there is a newer version of the viewer. */

import { reachable } from "@/dicomweb/reach";
import { t } from "@/i18n";
import { formatMoment } from "@/i18n/format";
import type { App } from "@/model/app";
import { studyLink } from "@/model/route";
import { refusalWords } from "@/offline/ErrandWords";
import type { Errand } from "@/offline/errands";
import { newerVersion, reload } from "@/offline/installed";
import { Icon } from "@/ui/icons";

export function ConnectionNote({ app }: { readonly app: App }) {
  if (!reachable.value && app.session.isOpen.value) {
    const words = wordsOf(app);
    const waiting = app.errands.waiting.value.length;
    return (
      <div class="connection-note" role="status" data-testid="connection-note">
        <Icon name="warning" />
        <span>
          {words} {waiting > 0 && <strong data-testid="errands-waiting">{t("offline.waiting", { count: waiting })}</strong>}
        </span>
        <button type="button" class="button" data-testid="connection-device" title={t("offline.heading")} onClick={() => (app.deviceShown.value = true)}>
          <Icon name="kept" />
          <span class="connection-word">{t("offline.heading")}</span>
        </button>
      </div>
    );
  }
  const [refused] = app.session.isOpen.value ? app.errands.refused.value : [];
  if (refused) return <Refused app={app} errand={refused} />;
  if (!newerVersion.value) return null;
  return (
    <div class="connection-note" role="status" data-testid="newer-version">
      <span>{t("offline.newer")}</span>
      <button type="button" class="button" onClick={reload}>
        {t("offline.reload")}
      </button>
    </div>
  );
}

/** Of what was done without the node: it did not take this. */
function Refused({ app, errand }: { readonly app: App; readonly errand: Errand }) {
  const { studyInstanceUid, kind, subject } = errand;
  const isOpen = app.study.value?.studyInstanceUid === studyInstanceUid;
  return (
    <div class="connection-note" role="alert" data-testid="errand-refused">
      <Icon name="warning" />
      <span>{refusalWords(errand)}</span>
      {!isOpen && (
        <a class="button" href={studyLink(studyInstanceUid)} data-testid="errand-study">
          {t("offline.openStudy")}
        </a>
      )}
      <button type="button" class="button" data-testid="errand-close" onClick={() => app.errands.drop(studyInstanceUid, kind, subject)}>
        {t("dialog.close")}
      </button>
    </div>
  );
}

function wordsOf(app: App): string {
  const study = app.study.value;
  if (study) {
    const kept = app.copies.studies.value.find(({ studyInstanceUid }) => studyInstanceUid === study.studyInstanceUid);
    if (kept && kept.bytes > 0) return t("offline.study", { when: formatMoment(new Date(kept.fetchedAt).toISOString(), new Date()) });
  } else if (app.route.value.screen === "worklist" && app.worklist.fromDevice.value) return t("offline.list");
  return t("offline.elsewhere");
}
