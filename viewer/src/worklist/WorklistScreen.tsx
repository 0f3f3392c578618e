import { useEffect, useRef } from "preact/hooks";

import { t } from "@/i18n";
import type { App } from "@/model/app";
import { characterKeysOn } from "@/model/characterKeys";
import { NO_FILTER } from "@/model/listView";
import { DEVICES_LINK, QUEUE_LINK } from "@/model/route";
import type { Worklist } from "@/model/worklist";
import { Brand } from "@/ui/Brand";
import { FailureNote } from "@/ui/FailureNote";
import { LanguageSelect } from "@/ui/LanguageSelect";
import { loadViewportWhenIdle } from "@/ui/lazyViewport";
import { LiveMark } from "@/ui/LiveMark";
import { Icon } from "@/ui/icons";
import { TimelineSheet } from "@/ui/TimelineSheet";
import { AccountMenu } from "@/worklist/AccountMenu";
import { Actions } from "@/worklist/Actions";
import { Filters } from "@/worklist/Filters";
import { ImportPlace } from "@/worklist/ImportPlace";
import { focusFirstRow, Rows } from "@/worklist/Rows";
import { ListHead } from "@/worklist/ListHead";
import { LazySelectionBar } from "@/worklist/lazyDialogs";

export function WorklistScreen({ app }: { readonly app: App }) {
  const { worklist } = app;
  const searchField = useRef<HTMLInputElement>(null);
  const rows = useRef<HTMLDivElement>(null);
  useEffect(() => worklist.open(), [worklist]);
  const isListed = worklist.loaded.value;
  useEffect(() => (isListed ? loadViewportWhenIdle() : undefined), [isListed]); // the list has a thin link for itself
  const seen = useRef(worklist.filter.value);
  const { value: filter } = worklist.filter;
  useEffect(() => {
    if (seen.current !== filter) rows.current?.scrollTo(0, 0); // the first that is found is the first that is seen
    seen.current = filter;
  }, [filter]);
  useEffect(() => {
    document.title = `${t("worklist.heading")} · Suret`;
  });

  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const inField = event.target instanceof HTMLInputElement;
      if (event.key === "/" && !inField && characterKeysOn(app.preferences)) searchField.current?.focus();
      else if (event.key === "ArrowDown" && event.target === searchField.current) focusFirstRow(rows.current);
      else return;
      event.preventDefault();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);

  return (
    <div class="worklist-screen">
      <header class="top-bar">
        <Brand />
        <span class="spacer" />
        <LiveMark live={app.live} />
        <QueueLink app={app} />
        <DevicesLink app={app} />
        <LanguageSelect />
        <AccountMenu app={app} />
      </header>
      <main class="worklist-main">
        <h1 class="hidden-label">{t("worklist.heading")}</h1>
        <Filters worklist={worklist} searchField={searchField}>
          <Actions app={app} />
        </Filters>
        {worklist.failure.value && <FailureNote failure={worklist.failure.value} retry={() => worklist.refresh()} />}
        <div ref={rows} class="rows-scroll">
          <ListHead worklist={worklist} />
          <Rows worklist={worklist} timeline={app.timeline} />
          <Ending worklist={worklist} />
        </div>
        <LazySelectionBar app={app} />
      </main>
      <ImportPlace app={app} />
      <TimelineSheet timeline={app.timeline} />
    </div>
  );
}

function DevicesLink({ app }: { readonly app: App }) {
  const state = app.session.state.value;
  if (state.kind !== "signed-in" || !state.user.roles.includes("admin")) return null;
  return (
    <a class="button quiet" href={DEVICES_LINK} data-testid="devices-link" title={t("devices.heading")}>
      <Icon name="device" />
      <span class="user-name">{t("devices.heading")}</span>
    </a>
  );
}

function QueueLink({ app }: { readonly app: App }) {
  if (!app.session.forwards.value) return null;
  return (
    <a class="button quiet" href={QUEUE_LINK} data-testid="queue-link" title={t("queue.heading")}>
      <Icon name="transfer" />
      <span class="user-name">{t("queue.heading")}</span>
    </a>
  );
}

/** What stands below the rows: how to get more, or why there are none. */
function Ending({ worklist }: { readonly worklist: Worklist }) {
  if (!worklist.loaded.value) {
    return worklist.failure.value ? null : (
      <p class="ending muted" role="status">
        {t("app.loading")}
      </p>
    );
  }
  if (worklist.studies.value.length === 0) {
    const filtered = worklist.filter.value !== NO_FILTER;
    return (
      <div class="empty" role="status" data-testid="worklist-empty">
        <Icon name={filtered ? "search" : "image"} />
        <p class="note-title">{t(filtered ? "worklist.nothing" : "worklist.empty")}</p>
        <p class="muted">{t(filtered ? "worklist.nothing.hint" : "worklist.empty.hint")}</p>
        {filtered && (
          <button type="button" class="button" onClick={() => (worklist.filter.value = NO_FILTER)}>
            {t("worklist.clear")}
          </button>
        )}
      </div>
    );
  }
  if (!worklist.hasMore.value) return null;
  return (
    <p class="ending">
      <button type="button" class="button" onClick={() => worklist.more()}>
        {t("worklist.more")}
      </button>
    </p>
  );
}
