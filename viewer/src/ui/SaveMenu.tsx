/** What has not been saved yet, and saving it into the archive. */

import { Tag, text, type Dataset } from "@/dicomweb/json";
import { isShownHere, presentationTitle } from "@/dicomweb/presentation";
import { counted, t } from "@/i18n";
import { formatDate, formatTime } from "@/i18n/format";
import type { Failure } from "@/dicomweb/http";
import type { LeftOut } from "@/model/leftOut";
import type { SavingState } from "@/model/saving";
import type { Workspace } from "@/model/workspace";
import { CurveList } from "@/ui/curved/CurveList";
import { NodeWords } from "@/ui/NodeWords";
import { failureHint, failureMessage, nodeWords } from "@/ui/refusals";
import { Menu } from "@/ui/Menu";

export function SaveMenu({ workspace }: { readonly workspace: Workspace }) {
  const { saving, keyImages } = workspace;
  const allowed = workspace.maySave.value;
  const held = saving.state.value.kind === "held";
  return (
    <Menu workspace={workspace} label={t("tool.save.explain")} class="save-menu">
      <p>
        {counted("save.measurements", saving.measured.value.length)}
        {saving.measurementsChanged.value && <span class="caution"> · {t("save.unsaved")}</span>}
        <br />
        {counted("save.keyImages", keyImages.value.size)}
        {saving.keyImagesChanged.value && <span class="caution"> · {t("save.unsaved")}</span>}
      </p>
      <UnsavableWords workspace={workspace} />
      {!allowed && (
        <p class="caution" data-testid="save-forbidden">
          {t("save.forbidden")}
        </p>
      )}
      <button
        type="button"
        role="menuitem"
        data-testid="save-now"
        disabled={!allowed || !saving.unsaved.value || saving.state.value.kind === "saving"}
        onClick={() => void saving.save(held)}
      >
        {t(held ? "save.without" : "save.now")}
        <span class="spacer" />
        <kbd class="muted">Ctrl S</kbd>
      </button>
      <SavingWords state={saving.state.value} />
      <CurveList workspace={workspace} />
      <DisplayStates workspace={workspace} />
    </Menu>
  );
}

/** What was drawn that no saving keeps, and what to do instead. */
export function UnsavableWords({ workspace }: { readonly workspace: Workspace }) {
  const { nowhere, elsewhere, withdrawn } = workspace.saving;
  return (
    <>
      {withdrawn.value > 0 && (
        <p class="caution" role="status" data-testid="unsavable">
          {counted("save.withdrawn", withdrawn.value)}
        </p>
      )}
      {nowhere.value > 0 && (
        <p class="caution" role="status" data-testid="unsavable">
          {counted("save.nowhere", nowhere.value)}
        </p>
      )}
      {elsewhere.value > 0 && (
        <p class="caution" role="status" data-testid="unsavable">
          {counted("save.elsewhere", elsewhere.value)}
        </p>
      )}
    </>
  );
}

/** How the active viewport displays its images, saved; and what was saved so, by anybody, shown again. */
function DisplayStates({ workspace }: { readonly workspace: Workspace }) {
  const { presenting, active } = workspace;
  const states = presenting.states.value;
  const shown = presenting.of(active.value);
  return (
    <>
      <button
        type="button"
        role="menuitem"
        data-testid="save-display"
        disabled={!workspace.maySave.value || workspace.beside.holds(active.value) || active.value.controls.value?.displayedArea === undefined}
        onClick={() => void presenting.save()}
      >
        {t("save.display")}
      </button>
      <SavingWords state={presenting.saved.value} />
      {states.length > 0 && <p class="muted">{t("save.displays")}</p>}
      {states.map((state) => (
        <button
          key={text(state, Tag.SOPInstanceUID)}
          type="button"
          role="menuitemradio"
          aria-checked={state === shown}
          disabled={!isShownHere(state)}
          data-testid="display-state"
          onClick={() => presenting.choose(state)}
        >
          <StateWords state={state} />
        </button>
      ))}
    </>
  );
}

function StateWords({ state }: { readonly state: Dataset }) {
  const { label, by, date, time } = presentationTitle(state);
  const when = [formatDate(date), formatTime(time), by].filter((part) => part !== "").join(" ");
  return (
    <>
      <span>{label}</span>
      <span class="muted">{when}</span>
      {!isShownHere(state) && <span class="caution">{t("states.unknown")}</span>}
    </>
  );
}

function reasons(failure: Failure): readonly string[] {
  return failure.status === 401 ? [t("login.ended")] : [failureMessage(failure), failureHint(failure)];
}

/** What would be left out, before anything is sent. */
function HeldWords({ leftOut: { measurements, keyImages } }: { readonly leftOut: LeftOut }) {
  return (
    <p class="caution" role="alert" data-testid="saving-state" data-kind="held">
      {t("save.held")}
      {measurements.length > 0 && ` ${counted("save.held.measurements", measurements.length)}`}
      {keyImages.length > 0 && ` ${counted("save.held.keyImages", keyImages.length)}`}
    </p>
  );
}

/** How it went, with what the node said when it did not. */
export function SavingWords({ state }: { readonly state: SavingState }) {
  if (state.kind === "idle") return null;
  if (state.kind === "held") return <HeldWords leftOut={state.leftOut} />;
  const said = state.kind === "failed" ? reasons(state.failure) : [];
  return (
    <>
      <p class={state.kind === "failed" ? "caution" : "muted"} role="status" data-testid="saving-state" data-kind={state.kind}>
        {t(`save.${state.kind}`)}
        {said.filter((part) => part !== "").map((part) => ` ${part}`)}
      </p>
      {state.kind === "failed" && <NodeWords words={nodeWords(state.failure)} />}
    </>
  );
}
