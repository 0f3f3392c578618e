/** DICOM devices: registered ones, changed in their place and tested; callers that wait to be let in; what happened lately. */

import { useEffect, useRef, useState } from "preact/hooks";

import { DeviceForm } from "@/devices/DeviceForm";
import { verbWord } from "@/devices/verbs";
import { isMessage, n, t } from "@/i18n";
import { formatMoment } from "@/i18n/format";
import type { App } from "@/model/app";
import type { Activity, Device, Devices, Registration, UnknownCaller } from "@/model/devices";
import { NodeWords } from "@/ui/NodeWords";
import { PageFrame } from "@/ui/PageFrame";
import { failureMessage, storeRefusal } from "@/ui/refusals";
import { Icon } from "@/ui/icons";

const NEW: Registration = { aeTitle: "", host: "", port: 104, verbs: ["store"], description: "" };

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
  const [made, setMade] = useState(0);
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
      <section>
        <h2>{t("devices.add")}</h2>
        <DeviceForm
          key={`${draft?.aeTitle} ${draft?.address} ${made}`}
          name="register"
          before={{ ...NEW, aeTitle: draft?.aeTitle ?? "", host: draft?.address ?? "" }}
          submitLabel="devices.add.submit"
          send={(device) => devices.register(device)}
          done={() => {
            setDraft(undefined);
            setMade(made + 1);
          }}
        />
      </section>
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
  const [changing, setChanging] = useState(false);
  const change = useRef<HTMLButtonElement>(null);
  const wasChanging = useRef(false);
  useEffect(() => {
    if (wasChanging.current && !changing) change.current?.focus();
    wasChanging.current = changing;
  }, [changing]);
  if (changing) {
    return (
      <DeviceForm
        name="change"
        before={device}
        submitLabel="devices.change.submit"
        send={(changed) => devices.update(device, changed)}
        done={() => setChanging(false)}
        cancel={() => setChanging(false)}
      />
    );
  }
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
        <button ref={change} type="button" class="button" data-testid="device-change" onClick={() => setChanging(true)}>
          {t("devices.change")}
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
          <span role="status" data-testid="echo-result" class={echo.failure ? "bad" : "good"}>
            {echo.failure ? `${t("devices.silent")} ${failureMessage(echo.failure)}` : t("devices.answers")}
          </span>
        )}
      </div>
      {echo?.failure && <NodeWords words={echo.failure.message} />}
    </div>
  );
}

function ActivityLine({ activity }: { readonly activity: Activity }) {
  const reason = reasonWords(activity);
  const counts = Object.entries(activity.counts).filter(([, number]) => number > 0);
  return (
    <div class={activity.accepted ? "activity" : "activity refused"}>
      <span class="muted">{formatMoment(activity.at, new Date())}</span>
      <span>
        <strong>{activity.aeTitle || "–"}</strong> <span class="muted">{activity.address}</span>
      </span>
      <span>
        {reason ?? t("failure.server")}
        {counts.map(([name, number]) => (
          <span key={name} class="muted">
            {" · "}
            {countWord(name)} {n(number)}
          </span>
        ))}
        {activity.lastRefusal && <span class="bad"> · {refusalWords(activity.lastRefusal)}</span>}
        <NodeWords words={[reason === undefined || activity.details["cause"] ? activity.words : "", activity.lastRefusal].filter((one) => one !== "").join(" · ")} />
      </span>
    </div>
  );
}

/** The reason in the language of the screen; undefined where the catalogue has no words for it. */
function reasonWords(activity: Activity): string | undefined {
  const key = `devices.reason.${activity.reason}`;
  return isMessage(key) ? t(key, activity.details) : undefined;
}

/** What the node refused: the status in words where it is one of storing, and as it was sent. */
function refusalWords(said: string): string {
  const [status = ""] = said.split(" ");
  const word = storeRefusal(Number.parseInt(status, 16));
  return word === undefined ? t("devices.refusedWith", { status }) : `${word} (${status})`;
}

/** store_succeeded → the word for storing, marked where it was refused. */
function countWord(name: string): string {
  const [operation = "", outcome] = name.split(/_(?=succeeded$|refused$)/);
  const word = verbWord(operation);
  return outcome === "refused" ? t("devices.refused", { operation: word }) : word;
}
