/** Taking pictures away: what of, in which form, what is written into them, and whether they name the patient. */

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

import { counted, n, t } from "@/i18n";
import type { Workspace } from "@/model/workspace";
import { FORMS, PER_PAGE, QUALITIES, SUBJECTS, type Burned } from "@/pictures/choices";
import { PrintSheets } from "@/pictures/PrintSheets";
import { Taking, PICTURES_MOST, type HiddenStage } from "@/pictures/taking";
import { Dialog } from "@/ui/Dialog";
import { failureMessage } from "@/ui/refusals";
import { ViewportPane } from "@/ui/ViewportPane";
import "@/pictures/pictures.css";

export function PicturesDialog({ workspace }: { readonly workspace: Workspace }) {
  const [taking] = useState(() => new Taking(workspace));
  useEffect(() => () => taking.close(), [taking]);
  const close = (): void => {
    workspace.switches.pictures.value = false;
  };
  const hidden = taking.hidden.value;
  const sheets = taking.sheets.value;
  return (
    <>
      {sheets ? (
        <PrintSheets taking={taking} sheets={sheets} close={() => taking.endSheets()} />
      ) : (
        <Dialog label={t("pictures.heading")} name="pictures-dialog" close={close}>
          <Choosing taking={taking} close={close} />
        </Dialog>
      )}
      {hidden && <Hidden key={hidden.pane.id} workspace={workspace} stage={hidden} />}
    </>
  );
}

/** Where nobody looks: an image at the size of its picture. */
function Hidden({ workspace, stage: { pane, width, height } }: { readonly workspace: Workspace; readonly stage: HiddenStage }) {
  return (
    <div class="picture-stage" data-testid="picture-stage" aria-hidden="true" style={{ width: `${width}px`, height: `${height}px` }} inert>
      <ViewportPane workspace={workspace} pane={pane} />
    </div>
  );
}

function Choosing({ taking, close }: { readonly taking: Taking; close(): void }) {
  const { subject, form, size, quality, burned, perPage, trueSize } = taking.choices.value;
  const { workspace } = taking;
  const state = taking.state.value;
  const length = taking.seriesLength.value;
  const keys = workspace.keyImages.value.size;
  const offered = {
    view: true,
    layout: workspace.panes.value.length > 1,
    keys: keys > 0,
    series: length > 1,
  };
  const running = state.kind === "running";
  const wholeImages = subject !== "layout" && (subject !== "view" || taking.ofImages.value);
  return (
    <form
      class="pictures"
      onSubmit={(event) => {
        event.preventDefault();
        void taking.take();
      }}
    >
      <h2>{t("pictures.heading")}</h2>
      <Row label={t("pictures.of")}>
        {SUBJECTS.filter((one) => offered[one]).map((one) => (
          <Choice key={one} group="subject" value={one} checked={subject === one} choose={() => taking.choose({ subject: one })}>
            {one === "keys" ? counted("pictures.of.keys", keys) : one === "series" ? counted("pictures.of.series", length) : t(`pictures.of.${one}`)}
          </Choice>
        ))}
      </Row>
      <Row label={t("pictures.form")}>
        {FORMS.filter((one) => one !== "mp4" || subject === "series").map((one) => (
          <Choice key={one} group="form" value={one} checked={form === one} choose={() => taking.choose({ form: one })}>
            {one === "print" ? t("pictures.form.print") : one.toUpperCase()}
          </Choice>
        ))}
      </Row>
      {form === "jpeg" && (
        <Row label={t("pictures.quality")}>
          {QUALITIES.map((one) => (
            <Choice key={one} group="quality" value={String(one)} checked={quality === one} choose={() => taking.choose({ quality: one })}>
              {n(one)}
            </Choice>
          ))}
        </Row>
      )}
      {wholeImages && (
        <Row label={t("pictures.size")}>
          <Choice group="size" value="shown" checked={size === "shown"} choose={() => taking.choose({ size: "shown", trueSize: false })}>
            {t("pictures.size.shown")}
          </Choice>
          <Choice group="size" value="native" checked={size === "native"} choose={() => taking.choose({ size: "native" })}>
            {t("pictures.size.native")}
          </Choice>
        </Row>
      )}
      {form === "print" && (
        <Row label={t("pictures.perPage")}>
          {PER_PAGE.map((one) => (
            <Choice key={one} group="per-page" value={String(one)} checked={perPage === one} choose={() => taking.choose({ perPage: one })}>
              {n(one)}
            </Choice>
          ))}
          {perPage === 1 && wholeImages && (
            <Tick name="true-size" checked={trueSize} choose={(on) => taking.choose({ trueSize: on, ...(on && { size: "native" as const }) })}>
              {t("pictures.trueSize")}
            </Tick>
          )}
        </Row>
      )}
      <Row label={t("pictures.burned")}>
        {(["texts", "marks", "scale", "letters"] as const).map((one: keyof Burned) => (
          <Tick key={one} name={one} checked={burned[one]} choose={(on) => taking.choose({ burned: { ...burned, [one]: on } })}>
            {t(`pictures.burned.${one}` as "pictures.burned.texts")}
          </Tick>
        ))}
      </Row>
      <Row label={t("pictures.patient")}>
        <Choice group="identity" value="removed" checked={!burned.identity} choose={() => taking.choose({ burned: { ...burned, identity: false } })}>
          {t("pictures.patient.removed")}
        </Choice>
        <Choice group="identity" value="kept" checked={burned.identity} choose={() => taking.choose({ burned: { ...burned, identity: true } })}>
          {t("pictures.patient.kept")}
        </Choice>
      </Row>
      {!burned.identity && taking.pixelsMayTell.value && (
        <p class="caution" data-testid="pixels-may-tell">
          {t("pictures.pixelsMayTell")}
        </p>
      )}
      {!burned.identity && burned.marks && <p class="muted">{t("pictures.marksMayTell")}</p>}
      {subject === "series" && length > PICTURES_MOST && <p class="caution">{t("pictures.most", { count: PICTURES_MOST })}</p>}
      <p class="muted">{t("pictures.audited")}</p>
      <Progress taking={taking} />
      <div class="dialog-buttons">
        <button type="submit" class="button primary" data-testid="pictures-take" disabled={running}>
          {t(form === "print" ? "pictures.preview" : "pictures.take")}
        </button>
        <button type="button" class="button" data-testid="pictures-close" onClick={close}>
          {t(running ? "dialog.cancel" : "dialog.close")}
        </button>
      </div>
    </form>
  );
}

function Progress({ taking }: { readonly taking: Taking }) {
  const state = taking.state.value;
  if (state.kind === "idle") return null;
  const failed = state.kind === "failed";
  return (
    <p role="status" class={failed ? "caution" : "muted"} data-testid="pictures-state" data-kind={state.kind}>
      {state.kind === "running" && t("pictures.running", { done: state.done, total: state.total })}
      {state.kind === "done" && `${t("pictures.done")} ${state.name}`}
      {state.kind === "done" && state.missing > 0 && ` · ${counted("pictures.missing", state.missing)}`}
      {failed && state.why && t(`pictures.failed.${state.why}`)}
      {failed && state.failure && (state.failure.status === 403 ? t("pictures.forbidden") : `${t("pictures.failed")} ${failureMessage(state.failure)}`)}
    </p>
  );
}

function Row({ label, children }: { readonly label: string; readonly children: ComponentChildren }) {
  return (
    <fieldset class="pictures-row">
      <legend>{label}</legend>
      <div class="pictures-choices">{children}</div>
    </fieldset>
  );
}

interface ChoiceProps {
  readonly group: string;
  readonly value: string;
  readonly checked: boolean;
  choose(): void;
  readonly children: ComponentChildren;
}

function Choice({ group, value, checked, choose, children }: ChoiceProps) {
  return (
    <label class="pictures-choice">
      <input type="radio" name={`pictures-${group}`} data-testid={`pictures-${group}-${value}`} checked={checked} onChange={choose} />
      <span>{children}</span>
    </label>
  );
}

interface TickProps {
  readonly name: string;
  readonly checked: boolean;
  choose(on: boolean): void;
  readonly children: ComponentChildren;
}

function Tick({ name, checked, choose, children }: TickProps) {
  return (
    <label class="pictures-choice">
      <input type="checkbox" data-testid={`pictures-${name}`} checked={checked} onChange={(event) => choose(event.currentTarget.checked)} />
      <span>{children}</span>
    </label>
  );
}
