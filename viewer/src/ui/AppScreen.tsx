/** Which screen is shown. */

import { useEffect } from "preact/hooks";

import { language, t } from "@/i18n";
import { Failure } from "@/dicomweb/http";
import type { App } from "@/model/app";
import type { Session } from "@/model/session";
import type { OpenStudy } from "@/model/study";
import { ConnectionNote } from "@/offline/ConnectionNote";
import { LazyDevicePanel } from "@/offline/lazyPanel";
import { FailureNote } from "@/ui/FailureNote";
import { lazyPage } from "@/ui/lazyPage";
import { Login } from "@/ui/Login";
import { loadStudyScreen, retryStudyScreen, studyScreen, studyScreenFailed } from "@/ui/lazyStudy";
import { refuseStrayFiles } from "@/ui/strayFiles";
import { WorklistScreen } from "@/worklist/WorklistScreen";

const NO_ANSWER = new Failure(0);
const LazyDevices = lazyPage<PageProps>(async () => (await import("@/devices/DevicesScreen")).DevicesScreen);
const LazyQueue = lazyPage<PageProps>(async () => (await import("@/queue/QueueScreen")).QueueScreen);
const LazyPasswordChange = lazyPage<PasswordProps>(async () => (await import("@/ui/PasswordChange")).PasswordChange);
const LazyDisplay = lazyPage(async () => (await import("@/ui/DisplayScreen")).DisplayScreen);
const LazySettings = lazyPage<PageProps>(async () => (await import("@/settings/SettingsScreen")).SettingsScreen);
const LazyAccounts = lazyPage<PageProps>(async () => (await import("@/settings/AccountsScreen")).AccountsScreen);

interface PageProps {
  readonly app: App;
}

interface PasswordProps {
  readonly session: Session;
}

export function AppScreen({ app }: { readonly app: App }) {
  useEffect(refuseStrayFiles, []);
  return (
    <>
      <ConnectionNote app={app} />
      <Screen app={app} />
      {app.deviceShown.value && <LazyDevicePanel app={app} />}
    </>
  );
}

function Screen({ app }: { readonly app: App }) {
  useEffect(() => {
    document.documentElement.lang = language.value;
  }, [language.value]);
  const state = app.session.state.value;
  switch (state.kind) {
    case "unknown":
      return (
        <main class="waiting" aria-busy="true">
          <p role="status">{t("app.loading")}</p>
        </main>
      );
    case "unreachable":
      return (
        <main class="waiting">
          <FailureNote failure={state.failure} retry={() => void app.session.resume()} />
        </main>
      );
    case "signed-out":
      return state.ended && app.study.value ? <Reading app={app} study={app.study.value} /> : <Login session={app.session} ended={state.ended} />;
    case "signed-in": {
      if (state.mustChangePassword) return <LazyPasswordChange session={app.session} />;
      if (app.route.value.screen === "devices") return <LazyDevices app={app} />;
      if (app.route.value.screen === "display") return <LazyDisplay />;
      if (app.route.value.screen === "settings") return <LazySettings app={app} />;
      if (app.route.value.screen === "accounts") return <LazyAccounts app={app} />;
      if (app.route.value.screen === "queue") return <LazyQueue app={app} />;
      const study = app.study.value;
      if (study) return <Reading app={app} study={study} />;
      return <WorklistScreen app={app} />;
    }
  }
}

/** The study, covered while its reader has to sign in again: nothing of it is seen, and nothing is lost. */
function Reading({ app, study }: { readonly app: App; readonly study: OpenStudy }) {
  const covered = app.session.isInterrupted.value;
  return (
    <>
      <div class={covered ? "uncovered covered" : "uncovered"} inert={covered} aria-hidden={covered}>
        <LazyStudy key={`${study.studyInstanceUid} ${app.session.sitting.value}`} app={app} study={study} />
      </div>
      {covered && (
        <div class="cover">
          <Login session={app.session} ended stays />
        </div>
      )}
    </>
  );
}

function LazyStudy({ app, study }: { readonly app: App; readonly study: OpenStudy }) {
  useEffect(loadStudyScreen, []);
  const Screen = studyScreen.value;
  if (Screen) return <Screen app={app} study={study} />;
  return (
    <main class="waiting" aria-busy={!studyScreenFailed.value}>
      {studyScreenFailed.value ? <FailureNote failure={NO_ANSWER} retry={retryStudyScreen} /> : <p role="status">{t("app.loading")}</p>}
    </main>
  );
}
