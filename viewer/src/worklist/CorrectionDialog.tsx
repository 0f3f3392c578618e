/** Correcting what a study says, giving it to another patient, and the way back from both. */

import { useEffect, useState } from "preact/hooks";

import { imageThumbnailPath } from "@/dicomweb/client";
import type { Http } from "@/dicomweb/http";
import { t } from "@/i18n";
import type { PlainKey } from "@/i18n/catalogue";
import { formatDate, formatMoment, parseDate } from "@/i18n/format";
import { Corrections, PATIENT_FIELDS, STUDY_FIELDS, type Correction, type Field, type ImageSide, type Said, type Values } from "@/model/corrections";
import type { Worklist } from "@/model/worklist";
import { Dialog } from "@/ui/Dialog";
import { FailureNote } from "@/ui/FailureNote";
import { FieldMistake } from "@/ui/FormField";
import { KeptPicture } from "@/ui/KeptPicture";
import { fieldMistake } from "@/ui/refusals";
import "@/worklist/deletion.css";

interface CorrectionDialogProps {
  readonly http: Http;
  readonly worklist: Worklist;
  readonly studyInstanceUid: string;
  /** Whether the reader may merge patients. */
  readonly merges: boolean;
  close(): void;
}

const REASON_LONGEST = 500;
const OF_NAME: ReadonlySet<string> = new Set(["family", "given", "middle"]);
const SEXES: readonly (readonly [string, PlainKey])[] = [["", "correction.unknown"], ["F", "patient.female"], ["M", "patient.male"], ["O", "patient.other"]]; // prettier-ignore
const SIDES: readonly (readonly [string, PlainKey])[] = [["R", "correction.right"], ["L", "correction.left"], ["B", "correction.both"]]; // prettier-ignore
const IMAGE_SIDES: typeof SIDES = [...SIDES, ["U", "correction.unpaired"]];
const PICTURE_SIZE = 128;
const ACTS: Readonly<Record<string, PlainKey | undefined>> = { merge: "merge.entry", move: "correction.moved" };
const WORDS: Readonly<Record<string, PlainKey>> = {
  family: "correction.family",
  given: "correction.given",
  middle: "correction.middle",
  PatientName: "correction.name",
  PatientID: "patient.id",
  PatientBirthDate: "patient.born",
  PatientSex: "correction.sex",
  StudyDescription: "correction.description",
  AccessionNumber: "correction.accession",
  Laterality: "correction.side",
  ImageLaterality: "correction.side",
};

function wordFor(keyword: string): string {
  const word = WORDS[keyword];
  return word === undefined ? keyword : t(word);
}

function valueWord(keyword: string, value: string): string {
  const word = { PatientSex: SEXES, Laterality: SIDES, ImageLaterality: IMAGE_SIDES }[keyword]?.find(([one]) => one === value)?.[1];
  if (word !== undefined) return t(word);
  return keyword === "PatientBirthDate" ? formatDate(value) : value.replaceAll("^", " ");
}

function shownDate(values: Values): Values {
  return { ...values, PatientBirthDate: formatDate(values.PatientBirthDate) };
}

export function CorrectionDialog({ http, worklist, studyInstanceUid, merges, close }: CorrectionDialogProps) {
  const [corrections] = useState(() => new Corrections(http, studyInstanceUid));
  const [busy, setBusy] = useState(false);
  useEffect(() => void corrections.load(), [corrections]);
  const during = async (work: () => Promise<boolean>): Promise<boolean> => {
    setBusy(true);
    const done = await work();
    worklist.refresh();
    setBusy(false);
    return done;
  };
  const said = corrections.said.value;
  return (
    <Dialog label={t("correction.heading")} name="correction" close={close}>
      <h2>{t("correction.heading")}</h2>
      {corrections.failure.value && !said && <FailureNote failure={corrections.failure.value} />}
      {said && <CorrectionForm key={JSON.stringify(said)} said={said} corrections={corrections} busy={busy} during={during} />}
      {said && merges && <p class="muted">{t("merge.hint")}</p>}
      {corrections.open.value.length > 0 && <h3>{t("correction.undoable")}</h3>}
      <ul class="deletion-list">
        {corrections.open.value.map((one) => (
          <li key={one.id} data-testid="correction-entry">
            <CorrectionWords correction={one} part={said ? nameOfPart(said, one.part) : ""} />
            <button type="button" class="button" data-testid="correction-undo" disabled={busy} onClick={() => void during(() => corrections.undo(one.id))}>
              {t("correction.undo")}
            </button>
          </li>
        ))}
      </ul>
      <button type="button" class="button" data-testid="correction-close" onClick={close}>
        {t("dialog.close")}
      </button>
    </Dialog>
  );
}

interface CorrectionFormProps {
  readonly said: Said;
  readonly corrections: Corrections;
  readonly busy: boolean;
  during(work: () => Promise<boolean>): Promise<boolean>;
}

function CorrectionForm({ said, corrections, busy, during }: CorrectionFormProps) {
  const before = shownDate(said.values);
  const [values, setValues] = useState(before);
  const [sides, setSides] = useState<ReadonlyMap<string, string>>(new Map());
  const [owner, setOwner] = useState("");
  const [reason, setReason] = useState("");
  const moves = owner.trim() !== "";
  const meant = moves ? { ...before, StudyDescription: values.StudyDescription, AccessionNumber: values.AccessionNumber } : values; // else they would be said of the wrong patient
  const changed = JSON.stringify(meant) !== JSON.stringify(before) || sidesOf(said).some(([uid, side]) => (sides.get(uid) ?? side) !== side);
  const date = meant.PatientBirthDate.trim();
  const born = date === before.PatientBirthDate ? said.values.PatientBirthDate : date === "" ? "" : parseDate(date);
  const submit = async (): Promise<void> => {
    if (born === undefined || reason.trim() === "" || !(changed || moves)) return;
    const done = !changed || (await during(() => corrections.correct({ ...meant, PatientBirthDate: born }, sides, reason.trim())));
    if (done && moves) await during(() => corrections.move(owner.trim(), reason.trim()));
  };
  const field = (name: Field, still = false) => (
    <label class="field" key={name} data-wide={name === "StudyDescription"}>
      <span>{wordFor(name)}</span>
      {name === "PatientSex" ? (
        <Choice name={name} value={values[name]} choices={SEXES} disabled={still} change={(sex) => setValues({ ...values, [name]: sex })} />
      ) : (
        <input
          type="text"
          data-testid={`correction-${name}`}
          autocomplete="off"
          disabled={still}
          value={values[name]}
          aria-invalid={name === "PatientBirthDate" && born === undefined}
          placeholder={name === "PatientBirthDate" ? t("worklist.dates.form") : undefined}
          onInput={(event) => setValues({ ...values, [name]: event.currentTarget.value })}
        />
      )}
      <FieldMistake id={`correction-${name}-mistake`} mistake={fieldMistake(corrections.failure.value, OF_NAME.has(name) ? "PatientName" : name)} />
    </label>
  );
  return (
    <form
      class="deletion-form"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <p class="muted">{t("correction.explain")}</p>
      <div class="correction-fields">{PATIENT_FIELDS.map((name) => field(name, moves))}</div>
      <p class="muted">{t("correction.everyStudy")}</p>
      <div class="correction-fields">
        {STUDY_FIELDS.map((name) => field(name))}
        {said.sides.map(({ seriesInstanceUid, label, side }) => (
          <label class="field" key={seriesInstanceUid}>
            <span>{t("correction.sideOf", { series: label })}</span>
            <Choice name="Laterality" value={sides.get(seriesInstanceUid) ?? side} choices={SIDES} change={(now) => setSides(new Map(sides).set(seriesInstanceUid, now))} />
          </label>
        ))}
        <label class="field">
          <span>{t("correction.owner")}</span>
          <input type="text" data-testid="correction-owner" autocomplete="off" value={owner} onInput={(event) => setOwner(event.currentTarget.value)} />
        </label>
      </div>
      {said.images.length > 0 && <ImageSides studyInstanceUid={corrections.studyInstanceUid} images={said.images} sides={sides} change={(uid, now) => setSides(new Map(sides).set(uid, now))} />}
      <label class="field">
        <span>{t("deletion.reason")}</span>
        <input type="text" required maxLength={REASON_LONGEST} value={reason} data-testid="correction-reason" onInput={(event) => setReason(event.currentTarget.value)} />
      </label>
      {corrections.failure.value && <FailureNote failure={corrections.failure.value} />}
      <button type="submit" class="button primary" data-testid="correction-do" disabled={busy || born === undefined || reason.trim() === "" || !(changed || moves)}>
        {t("correction.do")}
      </button>
    </form>
  );
}

interface ImageSidesProps {
  readonly studyInstanceUid: string;
  readonly images: readonly ImageSide[];
  /** What is chosen, by SOP Instance UID. */
  readonly sides: ReadonlyMap<string, string>;
  change(sopInstanceUid: string, side: string): void;
}

/** The side of each image beside its picture: a wrong one is seen on it. */
function ImageSides({ studyInstanceUid, images, sides, change }: ImageSidesProps) {
  return (
    <fieldset class="correction-images">
      <legend>{t("correction.sideOfImages")}</legend>
      {images.map((image) => {
        const { seriesInstanceUid, sopInstanceUid, side } = image;
        const now = sides.get(sopInstanceUid) ?? side;
        return (
          <label key={sopInstanceUid} class="field correction-image" data-testid="correction-image">
            <ImagePicture path={imageThumbnailPath(studyInstanceUid, seriesInstanceUid, sopInstanceUid, PICTURE_SIZE)} />
            <span>{imageName(image)}</span>
            <Choice name="ImageLaterality" value={now} choices={IMAGE_SIDES} change={(chosen) => change(sopInstanceUid, chosen)} />
            {now !== side && <span class="muted">{t("correction.was", { value: valueWord("ImageLaterality", side) || t("correction.unknown") })}</span>}
          </label>
        );
      })}
    </fieldset>
  );
}

function ImagePicture({ path }: { readonly path: string }) {
  const [failed, setFailed] = useState(false);
  return failed ? <span class="correction-picture" /> : <KeptPicture class="correction-picture" path={path} alt="" failed={() => setFailed(true)} />;
}

function imageName({ number, view }: ImageSide): string {
  return [t("correction.image", { number }).trim(), view].filter((part) => part !== "").join(" · ");
}

function sidesOf({ sides, images }: Said): readonly (readonly [string, string])[] {
  return [...sides.map(({ seriesInstanceUid, side }) => [seriesInstanceUid, side] as const), ...images.map(({ sopInstanceUid, side }) => [sopInstanceUid, side] as const)];
}

/** What a correction of a part of the study is of. */
function nameOfPart({ sides, images }: Said, uid: string): string {
  const image = images.find(({ sopInstanceUid }) => sopInstanceUid === uid);
  return image ? imageName(image) : (sides.find(({ seriesInstanceUid }) => seriesInstanceUid === uid)?.label ?? "");
}

interface ChoiceProps {
  readonly name: string;
  readonly value: string;
  readonly choices: readonly (readonly [string, PlainKey])[];
  readonly disabled?: boolean;
  change(value: string): void;
}

function Choice({ name, value, choices, disabled = false, change }: ChoiceProps) {
  return (
    <select data-testid={`correction-${name}`} disabled={disabled} value={value} onChange={(event) => change(event.currentTarget.value)}>
      {!choices.some(([one]) => one === value) && <option value={value}>{value}</option>}
      {choices.map(([one, word]) => (
        <option key={one} value={one}>
          {t(word)}
        </option>
      ))}
    </select>
  );
}

function CorrectionWords({ correction, part }: { readonly correction: Correction; readonly part: string }) {
  const { kind, changed, reason, by, at, undoUntil } = correction;
  const now = new Date();
  const values = Object.entries(changed).map(([keyword, value]) => `${wordFor(keyword)}: ${valueWord(keyword, value)}`);
  return (
    <div>
      <p class="deletion-name">{[part, ACTS[kind] ? t(ACTS[kind]) : "", ...values].filter((word) => word !== "").join(" · ")}</p>
      <p>{reason}</p>
      <p class="muted">{[formatMoment(at, now), by, undoUntil && t("deletion.until", { when: formatMoment(undoUntil, now) })].filter((part) => part !== "").join(" · ")}</p>
    </div>
  );
}
