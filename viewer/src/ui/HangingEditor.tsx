/** Make and change a hanging protocol of one's own: when it applies, how the viewports stand, what goes where. */

import { useState } from "preact/hooks";

import { counted, t } from "@/i18n";
import type { Hanger } from "@/model/hanger";
import { LAYOUT_LONGEST } from "@/model/layout";
import { modalitiesIn, placesFor, TEXT_LONGEST, type OwnPlace, type OwnProtocol } from "@/model/ownHanging";
import { Dialog } from "@/ui/Dialog";
import "@/ui/hanging.css";

const COUNTS = Array.from({ length: LAYOUT_LONGEST }, (_, index) => index + 1);

interface EditorProps {
  readonly hanger: Hanger;
  readonly protocol: OwnProtocol;
}

export function HangingEditor({ hanger, protocol }: EditorProps) {
  const [edited, setEdited] = useState(protocol);
  const [modalities, setModalities] = useState(protocol.modalities.join(", "));
  const [failure, setFailure] = useState("");
  const change = (changes: Partial<OwnProtocol>): void => setEdited({ ...edited, ...changes });
  const stand = (rows: number, columns: number): void => change({ rows, columns, places: placesFor(rows, columns, edited.places) });
  const close = (): void => {
    hanger.edited.value = undefined;
  };
  const save = (): void => {
    const found = modalitiesIn(modalities);
    const name = edited.name.trim();
    if (name === "") setFailure(t("hanging.nameMissing"));
    else if (!found || found.length === 0) setFailure(t("hanging.modalitiesWrong"));
    else if (!hanger.keep({ ...edited, name, modalities: found })) setFailure(counted("hanging.tooMany", hanger.own.all.peek().length));
    else close();
  };
  const remove = (): void => {
    hanger.own.remove(edited.id);
    close();
  };
  const known = hanger.own.all.value.some(({ id }) => id === edited.id);
  return (
    <Dialog label={t("hanging.editor")} name="hanging-editor" close={close}>
      <h2>{t("hanging.editor")}</h2>
      <form
        class="hanging-editor"
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        <TextField label={t("hanging.name")} name="name" value={edited.name} change={(name) => change({ name })} />
        <TextField label={t("hanging.modalities")} name="modalities" value={modalities} change={setModalities} />
        <TextField
          label={t("hanging.bodyPart")}
          name="body-part"
          value={edited.bodyPart}
          change={(bodyPart) => change({ bodyPart })}
        />
        <fieldset class="hanging-size">
          <legend>{t("hanging.layout")}</legend>
          <CountChoice label={t("hanging.rows")} value={edited.rows} change={(rows) => stand(rows, edited.columns)} />
          <span aria-hidden="true">×</span>
          <CountChoice label={t("hanging.columns")} value={edited.columns} change={(columns) => stand(edited.rows, columns)} />
        </fieldset>
        <label class="hanging-check">
          <input type="checkbox" data-testid="hanging-linked" checked={edited.linked} onChange={(event) => change({ linked: event.currentTarget.checked })} />
          {t("hanging.linked")}
        </label>
        <p class="muted">{t("hanging.placesExplain")}</p>
        <ol class="hanging-places" style={{ gridTemplateColumns: `repeat(${edited.columns}, minmax(150px, 1fr))` }}>
          {edited.places.map((place, index) => (
            // oxlint-disable-next-line react/no-array-index-key -- a place is its number
            <li key={index}>
              <PlaceFields
                number={index + 1}
                place={place}
                change={(changed) => change({ places: edited.places.with(index, changed) })}
              />
            </li>
          ))}
        </ol>
        {failure && (
          <p class="form-failure" role="alert">
            {failure}
          </p>
        )}
        <div class="hanging-buttons">
          <button type="submit" class="button primary" data-testid="hanging-save">
            {t("dialog.save")}
          </button>
          <button type="button" class="button" onClick={close}>
            {t("dialog.cancel")}
          </button>
          <span class="spacer" />
          {known && (
            <button type="button" class="button" data-testid="hanging-remove" onClick={remove}>
              {t("hanging.remove")}
            </button>
          )}
        </div>
      </form>
    </Dialog>
  );
}

interface TextFieldProps {
  readonly label: string;
  readonly name: string;
  readonly value: string;
  change(value: string): void;
}

function TextField({ label, name, value, change }: TextFieldProps) {
  return (
    <label class="field">
      <span>{label}</span>
      <input value={value} maxLength={TEXT_LONGEST} data-testid={`hanging-${name}`} onInput={(event) => change(event.currentTarget.value)} />
    </label>
  );
}

interface CountChoiceProps {
  readonly label: string;
  readonly value: number;
  change(value: number): void;
}

function CountChoice({ label, value, change }: CountChoiceProps) {
  return (
    <select aria-label={label} value={value} onChange={(event) => change(Number(event.currentTarget.value))}>
      {COUNTS.map((count) => (
        <option key={count} value={count}>
          {count}
        </option>
      ))}
    </select>
  );
}

interface PlaceFieldsProps {
  readonly number: number;
  readonly place: OwnPlace;
  change(place: OwnPlace): void;
}

function PlaceFields({ number, place, change }: PlaceFieldsProps) {
  const set = (changes: Partial<OwnPlace>): void => change({ ...place, ...changes });
  return (
    <fieldset>
      <legend>{number}</legend>
      <TextField
        label={t("hanging.modality")}
        name={`modality-${number}`}
        value={place.modality}
        change={(modality) => set({ modality: modality.trim().toUpperCase() })}
      />
      <TextField label={t("hanging.words")} name={`words-${number}`} value={place.words} change={(words) => set({ words })} />
      <TextField label={t("hanging.view")} name={`view-${number}`} value={place.view} change={(view) => set({ view })} />
      <label class="field">
        <span>{t("hanging.side")}</span>
        <select
          value={place.laterality}
          onChange={({ currentTarget: { value } }) => set({ laterality: value === "L" || value === "R" ? value : "" })}
        >
          <option value="">{t("hanging.side.any")}</option>
          <option value="R">{t("hanging.side.right")}</option>
          <option value="L">{t("hanging.side.left")}</option>
        </select>
      </label>
      <label class="hanging-check">
        <input type="checkbox" checked={place.prior} onChange={(event) => set({ prior: event.currentTarget.checked })} />
        {t("hanging.prior")}
      </label>
    </fieldset>
  );
}
