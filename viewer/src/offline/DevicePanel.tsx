/** What is on this device, how long it stays, and how to be rid of it. */

import { n, t } from "@/i18n";
import { formatDate, formatMoment } from "@/i18n/format";
import type { Copies } from "@/offline/copies";
import { errandWords } from "@/offline/ErrandWords";
import type { Errands } from "@/offline/errands";
import { CHOICES, type Choice, type KeptStudy } from "@/offline/rules";
import { Dialog } from "@/ui/Dialog";
import { Icon } from "@/ui/icons";
import "@/offline/device.css";

const MEGABYTE = 1e6;

interface PanelProps {
  readonly copies: Copies;
  readonly errands: Errands;
  close(): void;
}

export function DevicePanel({ copies, errands, close }: PanelProps) {
  const studies = copies.studies.value.filter(({ bytes }) => bytes > 0);
  const forbidden = copies.possible ? copies.allowance.value === undefined : true;
  return (
    <Dialog label={t("offline.heading")} name="device-panel" close={close}>
      <form method="dialog" class="device-head">
        <h2>{t("offline.heading")}</h2>
        <button type="submit" class="button" data-testid="device-close">
          {t("dialog.close")}
        </button>
      </form>
      {errands.waiting.value.length > 0 && <Waiting copies={copies} errands={errands} />}
      {forbidden ? (
        <p data-testid="device-forbidden">{t(copies.possible ? "offline.forbidden" : "offline.impossible")}</p>
      ) : (
        <>
          <p class="muted">{t("offline.why")}</p>
          <Choices copies={copies} />
          <p class="device-used">
            <span data-testid="device-used">
              {t("offline.used", { used: n(copies.bytes.value / MEGABYTE, 1), most: n(copies.most.value / MEGABYTE) })}
            </span>
            <span class="spacer" />
            <button type="button" class="button" data-testid="device-remove-all" disabled={studies.length === 0} onClick={() => void copies.removeAll()}>
              {t("offline.removeAll")}
            </button>
          </p>
          {studies.length === 0 && <p class="muted">{t("offline.none")}</p>}
          <ul class="device-studies">
            {studies.map((study) => (
              <Study key={study.studyInstanceUid} study={study} remove={() => void copies.remove([study.studyInstanceUid])} />
            ))}
          </ul>
        </>
      )}
    </Dialog>
  );
}

/** What is sent when the node can be reached, and can be given up until then. */
function Waiting({ copies, errands }: Pick<PanelProps, "copies" | "errands">) {
  return (
    <section>
      <h3>{t("offline.waits")}</h3>
      <p class="muted">{t("offline.waits.why")}</p>
      <ul class="device-studies">
        {errands.waiting.value.map((errand) => {
          const row = copies.studies.value.find(({ studyInstanceUid }) => studyInstanceUid === errand.studyInstanceUid)?.row;
          const facts = [row?.patientName, formatDate(row?.studyDate ?? ""), row?.description].filter((part) => part);
          return (
            <li key={`${errand.studyInstanceUid} ${errand.kind} ${errand.subject}`} data-testid="device-errand" data-kind={errand.kind}>
              <span class="device-words">
                <strong>{errandWords(errand)}</strong> <span>{facts.join(" · ")}</span>
                <span class="muted">{formatMoment(new Date(errand.at).toISOString(), new Date())}</span>
              </span>
              <button
                type="button"
                class="button quiet"
                data-testid="errand-drop"
                title={t("offline.giveUp")}
                onClick={() => errands.drop(errand.studyInstanceUid, errand.kind, errand.subject)}
              >
                <Icon name="clear" />
                <span class="hidden-label">{t("offline.giveUp")}</span>
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Choices({ copies }: { readonly copies: Copies }) {
  const { unusedS = 0, longestS = 0 } = copies.allowance.value ?? {};
  const said: Readonly<Record<Choice, string>> = {
    shared: t("offline.choice.shared", { minutes: Math.round(unusedS / 60) }),
    own: t("offline.choice.own", { hours: longestS / 3600 }),
    none: t("offline.choice.none"),
  };
  return (
    <fieldset class="device-choices">
      <legend>{t("offline.whose")}</legend>
      {CHOICES.map((choice) => (
        <label key={choice}>
          <input
            type="radio"
            name="device-choice"
            data-testid={`device-${choice}`}
            checked={copies.choice.value === choice}
            onChange={() => void copies.choose(choice)}
          />
          <span>{said[choice]}</span>
        </label>
      ))}
    </fieldset>
  );
}

function Study({ study, remove }: { readonly study: KeptStudy; remove(): void }) {
  const { row, fetchedAt, images, bytes, full } = study;
  const facts = [row?.patientId, formatDate(row?.studyDate ?? ""), row?.modalities.join(" "), row?.description].filter((part) => part);
  const state = [
    t("offline.fetched", { when: formatMoment(new Date(fetchedAt).toISOString(), new Date()) }),
    t("offline.images", { kept: images, total: row?.numberOfInstances ?? 0 }),
    t("offline.size", { megabytes: n(bytes / MEGABYTE, 1) }),
    ...(full ? [t("offline.full")] : []),
  ];
  return (
    <li data-testid="device-study" data-study-uid={study.studyInstanceUid} data-images={images}>
      <span class="device-words">
        <strong>{row?.patientName || t("patient.unnamed")}</strong> <span>{facts.join(" · ")}</span>
        <span class="muted">{state.join(" · ")}</span>
      </span>
      <button type="button" class="button quiet" data-testid="device-remove" title={t("offline.remove")} onClick={remove}>
        <Icon name="clear" />
        <span class="hidden-label">{t("offline.remove")}</span>
      </button>
    </li>
  );
}
