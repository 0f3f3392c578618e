/** What viewports of planes and renderings have in common: the volume of a pane, refusals in words, progress. */

import type { ComponentChildren } from "preact";

import type { MaybeVolume, NoVolume } from "@/dicomweb/geometry";
import { n, t } from "@/i18n";
import type { Phase } from "@/dicomweb/phases";
import { arrange } from "@/model/volumes";
import { Icon } from "@/ui/icons";
import { QualityMark } from "@/ui/QualityMark";
import type { PaneProps } from "@/ui/paneProps";

/** The phases of a pane's images and the volume of one of them. */
export interface PaneVolume {
  readonly phases: readonly Phase[] | undefined;
  readonly found: MaybeVolume;
}

/** Why there is no volume, and what can be done instead. */
export function Refusal({ refused, workspace, pane }: PaneProps & { readonly refused: NoVolume }) {
  return (
    <Note
      id="volume-refused"
      title={t("volume.none")}
      words={t(`volume.refused.${refused.refused}`, { value: refused.value === undefined ? "" : n(refused.value, 1) })}
    >
      <BackToImages workspace={workspace} pane={pane} />
    </Note>
  );
}

export function BackToImages({ workspace, pane }: PaneProps) {
  const back = (): void => {
    workspace.activate(pane);
    arrange(workspace, "images", innerWidth);
  };
  return (
    <button type="button" class="button" data-testid="back-to-images" onClick={back}>
      {t("volume.images")}
    </button>
  );
}

interface NoteProps {
  readonly id: string;
  readonly title: string;
  readonly words: string;
  readonly children?: ComponentChildren;
}

export function Note({ id, title, words, children }: NoteProps) {
  return (
    <div class="waiting-stage">
      <div class="volume-note" role="status" data-testid={id}>
        <Icon name="warning" />
        <p class="note-title">{title}</p>
        <p>{words}</p>
        {children}
      </div>
    </div>
  );
}

export interface LoadState {
  readonly loaded: number;
  readonly total: number;
  readonly bytesLeft: number;
  readonly ready: boolean;
  readonly reduced: boolean;
}

export const NOTHING_LOADED: LoadState = { loaded: 0, total: 0, bytesLeft: 0, ready: false, reduced: false };

interface QualityProps {
  readonly state: LoadState;
  readonly awaited?: boolean;
  /** The node's picture stands for it. */
  readonly previewed?: boolean;
}

/** Voxels that were put together are not all of them; neither is a plane without what is to lie over it. */
export function VolumeQuality({ state: { ready, reduced, bytesLeft }, awaited = false, previewed = false }: QualityProps) {
  const before = previewed ? "preview" : undefined;
  return <QualityMark mark={ready ? (reduced || awaited ? "partial" : "full") : before} bytesLeft={bytesLeft} />;
}

interface StateProps extends Pick<QualityProps, "state" | "previewed"> {
  readonly children?: ComponentChildren;
}

/** How far the volume is, then what to beware of. */
export function VolumeState({ state: { loaded, total, ready, reduced }, previewed = false, children }: StateProps) {
  return (
    <div class={previewed && !ready ? "state above-corners" : "state"} role="status" data-testid="viewport-state" data-state={ready ? "ready" : "loading"}>
      {!ready && <span class="badge">{total > 0 ? t("volume.loading", { loaded, total }) : t("app.loading")}</span>}
      {!ready && previewed && (
        <span class="badge caution-badge" data-testid="volume-preview">
          {t("volume.node")}
        </span>
      )}
      {children}
      {ready && reduced && (
        <span class="badge caution-badge" data-testid="volume-reduced" title={t("volume.reduced.explain")}>
          {t("volume.reduced")} · {t("notForDiagnosis")}
        </span>
      )}
    </div>
  );
}
