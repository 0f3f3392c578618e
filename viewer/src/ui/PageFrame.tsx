/** A page beside the worklist: the way back, its heading, and why it could not be loaded. */

import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";

import { t } from "@/i18n";
import type { PlainKey } from "@/i18n/catalogue";
import type { Managed } from "@/model/managed";
import { WORKLIST_LINK } from "@/model/route";
import { Brand } from "@/ui/Brand";
import { FailureNote } from "@/ui/FailureNote";
import { LanguageSelect } from "@/ui/LanguageSelect";
import { Icon } from "@/ui/icons";

interface PageFrameProps {
  readonly name: string;
  readonly heading: PlainKey;
  readonly content: Managed;
  /** Buttons of the page in its top bar. */
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function PageFrame({ name, heading, content, actions, children }: PageFrameProps) {
  useEffect(() => {
    document.title = `${t(heading)} · Suret`;
  });
  return (
    <div class="devices-screen" data-testid={name}>
      <header class="top-bar">
        <a class="button quiet back" href={WORKLIST_LINK} data-testid="back" title={t("study.back")}>
          <Icon name="back" />
          <span class="back-word">{t("study.back")}</span>
        </a>
        <Brand />
        <span class="spacer" />
        {actions}
        <LanguageSelect />
      </header>
      <main class="devices-main">
        <h1>{t(heading)}</h1>
        {content.failure.value && <FailureNote failure={content.failure.value} retry={() => void content.load()} />}
        {children}
      </main>
    </div>
  );
}
