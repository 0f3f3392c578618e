/** DICOM devices: registered ones with a test of each, callers that wait to be let in, and what happened lately. */

import { useEffect, useState } from "preact/hooks";

import { isMessage, n, t } from "@/i18n";
import { formatMoment } from "@/i18n/format";
import type { App } from "@/model/app";
import { VERBS, type Activity, type Device, type Devices, type UnknownCaller, type Verb } from "@/model/devices";
import { PageFrame } from "@/ui/PageFrame";
import { Icon } from "@/ui/icons";

const STANDARD_PORT = 104;

export function DevicesScreen({ app }: { readonly app: App }) {
  const { devices } = app;
  useEffect(() => {
    void devices.load();
  }, [devices]);
  return (
    <PageFrame
      name="devices"
      heading="devices.heading"
      content={devices}
      actions={
        <button type="button" class="button quiet" title={t("worklist.refresh")} onClick={() => void devices.load()}>
          <Icon name="refresh" />
          <span class="hidden-label">{t("worklist.refresh")}</span>
        </button>
      }
    >
      {devices.loaded.value ? <Sections devices={devices} /> : !devices.failure.value && <p class="muted">{t("app.loading")}</p>}
    </PageFrame>
  );
}

function Sections({ devices }: { readonly devices: Devices }) {
  const [draft, setDraft] = useState<UnknownCaller | undefined>();
  const waiting = devices.unknown.value;
  return (
    <>
      {waiting.length > 0 && (
        <section data-testid="unknown-callers">
          <h2>{t("devices.unknown")}</h2>
          {waiting.map((caller) => (
            <div key={`${caller.aeTitle} ${caller.address}`} class="device">
              <p>
                <strong>{caller.aeTitle}</strong> <span class="muted">{caller.address}</span>
              </p>
              <p class="muted">
                {t("devices.unknown.said", { called: caller.calledAeTitle, count: caller.attempts })} ·{" "}
                {formatMoment(caller.lastAt, new Date())}
              </p>
              <button type="button" class="button" onClick={() => setDraft(caller)}>
                {t("devices.letIn")}
              </button>
            </div>
          ))}
        </section>
      )}
      <section data-testid="registered-devices">
        <h2>{t("devices.registered")}</h2>
        {devices.registered.value.length === 0 && <p class="muted">{t("devices.none")}</p>}
        {devices.registered.value.map((device) => (
          <DeviceCard key={device.aeTitle} devices={devices} device={device} />
        ))}
      </section>
      <Registration key={draft ? `${draft.aeTitle} ${draft.address}` : ""} devices={devices} draft={draft} />
      <section data-testid="device-activity">
        <h2>{t("devices.activity")}</h2>
        {devices.activity.value.length === 0 && <p class="muted">{t("devices.activity.none")}</p>}
        {devices.activity.value.map((activity) => (
          <ActivityLine key={`${activity.at} ${activity.aeTitle} ${activity.address}`} activity={activity} />
        ))}
      </section>
    </>
  );
}

function DeviceCard({ devices, device }: { readonly devices: Devices; readonly device: Device }) {
  const { aeTitle } = device;
  const echo = devices.echoes.value.get(aeTitle);
  const running = devices.echoes.value.has(aeTitle) && echo === undefined;
  const [leaving, setLeaving] = useState(false);
  return (
    <div class="device" data-testid="device">
      <p>
        <strong>{aeTitle}</strong>{" "}
        <span class="muted">
          {device.host}:{device.port} {device.tls && "TLS"}
        </span>
      </p>
      {device.description && <p>{device.description}</p>}
      <p class="muted">{device.verbs.map((verb) => verbWord(verb)).join(", ")}</p>
      <div class="device-actions">
        <button type="button" class="button" data-testid="echo" disabled={running} onClick={() => void devices.test(aeTitle)}>
          {t(running ? "devices.testing" : "devices.test")}
        </button>
        <button
          type="button"
          class="button quiet"
          onClick={() => (leaving ? void devices.remove(aeTitle) : setLeaving(true))}
          onBlur={() => setLeaving(false)}
        >
          {t(leaving ? "devices.remove.sure" : "devices.remove")}
        </button>
        {echo && (
          <span role="status" data-testid="echo-result" class={echo.succeeded ? "good" : "bad"}>
            {echo.succeeded ? t("devices.answers") : `${t("devices.silent")} ${echo.words}`}
          </span>
        )}
      </div>
    </div>
  );
}

interface RegistrationProps {
  readonly devices: Devices;
  readonly draft: UnknownCaller | undefined;
}

/** The form of a new device; filled in with a caller that knocked. */
function Registration({ devices, draft }: RegistrationProps) {
  const [aeTitle, setAeTitle] = useState(draft?.aeTitle ?? "");
  const [host, setHost] = useState(draft?.address ?? "");
  const [port, setPort] = useState(String(STANDARD_PORT));
  const [verbs, setVerbs] = useState<readonly Verb[]>(["store"]);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (await devices.register({ aeTitle: aeTitle.trim(), host: host.trim(), port: Number(port), verbs })) {
      setAeTitle("");
      setHost("");
    }
  };
  const toggle = (verb: Verb): void =>
    setVerbs(verbs.includes(verb) ? verbs.filter((one) => one !== verb) : [...verbs, verb]);
  return (
    <section>
      <h2>{t("devices.add")}</h2>
      <form class="device-form" data-testid="register" onSubmit={(event) => void submit(event)}>
        <label class="field">
          <span>{t("devices.title")}</span>
          <input name="ae_title" required maxLength={16} value={aeTitle} onInput={(event) => setAeTitle(event.currentTarget.value)} />
        </label>
        <label class="field">
          <span>{t("devices.host")}</span>
          <input name="host" required value={host} onInput={(event) => setHost(event.currentTarget.value)} />
        </label>
        <label class="field">
          <span>{t("devices.port")}</span>
          <input
            name="port"
            required
            inputMode="numeric"
            pattern="[0-9]{1,5}"
            value={port}
            onInput={(event) => setPort(event.currentTarget.value)}
          />
        </label>
        <fieldset class="field">
          <legend class="muted">{t("devices.may")}</legend>
          {VERBS.map((verb) => (
            <label key={verb} class="check">
              <input type="checkbox" checked={verbs.includes(verb)} onChange={() => toggle(verb)} />
              {verbWord(verb)}
            </label>
          ))}
        </fieldset>
        <button type="submit" class="button primary" disabled={verbs.length === 0}>
          {t("devices.add.submit")}
        </button>
      </form>
    </section>
  );
}

function ActivityLine({ activity }: { readonly activity: Activity }) {
  const counts = Object.entries(activity.counts).filter(([, number]) => number > 0);
  return (
    <div class={activity.accepted ? "activity" : "activity refused"}>
      <span class="muted">{formatMoment(activity.at, new Date())}</span>
      <span>
        <strong>{activity.aeTitle || "–"}</strong> <span class="muted">{activity.address}</span>
      </span>
      <span>
        {reasonWords(activity)}
        {counts.map(([name, number]) => (
          <span key={name} class="muted">
            {" · "}
            {countWord(name)} {n(number)}
          </span>
        ))}
        {activity.lastRefusal && <span class="bad"> · {activity.lastRefusal}</span>}
      </span>
    </div>
  );
}

/** The reason in the language of the screen; the node's English where the catalogue has no words for it. */
function reasonWords(activity: Activity): string {
  const key = `devices.reason.${activity.reason}`;
  return isMessage(key) ? t(key, activity.details) : activity.words;
}

function verbWord(verb: string): string {
  const key = `devices.verb.${verb}`;
  return isMessage(key) ? t(key) : verb;
}

/** store_succeeded → the word for storing, marked where it was refused. */
function countWord(name: string): string {
  const [operation = "", outcome] = name.split(/_(?=succeeded$|refused$)/);
  const word = verbWord(operation);
  return outcome === "refused" ? t("devices.refused", { operation: word }) : word;
}
