/** What is done with a curve, and how its reformations are looked at. */

import { n, t } from "@/i18n";
import type { CurvedPath, Look } from "@/model/curvedPath";
import { isTouchOnly } from "@/model/device";
import { FORMS, type Form } from "@/model/reformation";
import type { Workspace } from "@/model/workspace";
import { curveName } from "@/ui/curved/CurveList";
import { Icon } from "@/ui/icons";
import type { SlabMode } from "@/viewport/volumeContract";

const SLABS: readonly SlabMode[] = ["maximum", "minimum", "average"];
const SLAB_LONGEST_MM = 50;
const [NARROWEST_MM, WIDEST_MM] = [10, 150];
const GAPS_MM = [1, 2, 5, 10, 20];
const NAME_LONGEST = 64;

interface CurveBarProps {
  readonly workspace: Workspace;
  readonly curve: CurvedPath;
}

export function CurveBar({ workspace, curve }: CurveBarProps) {
  const points = curve.points.value.length;
  const editing = curve.editing.value;
  return (
    <div class="volume-bar curve-bar" role="toolbar" aria-label={t("curved.bar")}>
      <button
        type="button"
        class="button quiet"
        data-testid="curve-edit"
        title={isTouchOnly() ? t("curved.edit.explain") : `${t("curved.edit.explain")} ${t("curved.edit.keys")}`}
        aria-pressed={editing}
        onClick={() => (curve.editing.value = !editing)}
      >
        {t("curved.edit")}
      </button>
      {editing && (
        <>
          <Act id="undo" icon="undo" words={t("tool.undo")} able={curve.mayUndo.value} act={() => curve.undo()} />
          <Act id="redo" icon="redo" words={t("tool.redo")} able={curve.mayRedo.value} act={() => curve.redo()} />
          <Act id="remove" words={t("curved.remove")} able={curve.chosen.value !== undefined} act={() => curve.remove()} />
          <Act id="reverse" words={t("curved.reverse")} able={points > 1} act={() => curve.turnRound()} />
          <Act id="clear" words={t("curved.clear")} able={points > 0} act={() => curve.clear()} />
        </>
      )}
      <Act id="new" words={t("curved.new")} able={points > 1} act={() => workspace.curves.begin(curve.seriesInstanceUid)} />
      <CurveChoice workspace={workspace} curve={curve} />
      <input
        type="text"
        class="curve-name"
        data-testid="curve-name"
        aria-label={t("curved.name")}
        placeholder={t("curved.name.short")}
        maxLength={NAME_LONGEST}
        value={curve.name.value}
        onInput={(event) => (curve.name.value = event.currentTarget.value)}
      />
      <LookControls curve={curve} />
    </div>
  );
}

/** Another one through the same series is taken in hand. */
function CurveChoice({ workspace, curve }: CurveBarProps) {
  const laid = workspace.curves.laid.value;
  const own = laid.filter((one) => one.seriesInstanceUid === curve.seriesInstanceUid);
  const choices = own.includes(curve) ? own : [...own, curve];
  if (choices.length < 2) return null;
  return (
    <select
      aria-label={t("curved.list")}
      data-testid="curve-choice"
      value={curve.uid}
      onChange={(event) => {
        const chosen = choices.find(({ uid }) => uid === event.currentTarget.value);
        if (chosen) workspace.curves.take(chosen);
      }}
    >
      {choices.map((one) => (
        <option key={one.uid} value={one.uid}>
          {one === curve && !own.includes(one) ? t("curved.new") : curveName(one, laid.indexOf(one))}
        </option>
      ))}
    </select>
  );
}

interface ActProps {
  readonly id: string;
  readonly words: string;
  readonly icon?: "undo" | "redo";
  readonly able: boolean;
  act(): void;
}

function Act({ id, words, icon, able, act }: ActProps) {
  return (
    <button type="button" class="button quiet" data-testid={`curve-${id}`} disabled={!able} title={words} aria-label={words} onClick={act}>
      {icon ? <Icon name={icon} /> : words}
    </button>
  );
}

function LookControls({ curve }: Pick<CurveBarProps, "curve">) {
  const look = curve.look.value;
  const change = (changes: Partial<Look>): void => {
    curve.look.value = { ...curve.look.peek(), ...changes };
  };
  const { form, slab, turn, width, gap } = look;
  return (
    <>
      <select aria-label={t("curved.form")} data-testid="curve-form" value={form} onChange={(event) => change({ form: event.currentTarget.value as Form })}>
        {FORMS.map((one) => (
          <option key={one} value={one}>
            {t(`curved.${one}`)}
          </option>
        ))}
      </select>
      <Slider id="turn" label={t("curved.turn")} value={turn} from={0} to={359} unit="°" set={(value) => change({ turn: value })} />
      <Slider id="width" label={t("curved.width")} value={width} from={NARROWEST_MM} to={WIDEST_MM} unit={` ${t("unit.mm")}`} set={(value) => change({ width: value })} />
      <select
        aria-label={t("mpr.slab")}
        data-testid="curve-slab-mode"
        value={slab.mm > 0 ? slab.mode : "single"}
        onChange={({ currentTarget: { value } }) => change({ slab: value === "single" ? { ...slab, mm: 0 } : { mm: slab.mm || 5, mode: value as SlabMode } })}
      >
        <option value="single">{t("mpr.slab.single")}</option>
        {SLABS.map((one) => (
          <option key={one} value={one}>
            {t(`mpr.slab.${one}`)}
          </option>
        ))}
      </select>
      <Slider id="slab" label={t("mpr.thickness")} value={slab.mm} from={0} to={SLAB_LONGEST_MM} unit={` ${t("unit.mm")}`} set={(mm) => change({ slab: { ...slab, mm } })} />
      <select aria-label={t("curved.gap")} title={t("curved.gap")} data-testid="curve-gap" value={gap} onChange={(event) => change({ gap: Number(event.currentTarget.value) })}>
        {GAPS_MM.map((one) => (
          <option key={one} value={one}>
            ↔ {n(one)} {t("unit.mm")}
          </option>
        ))}
      </select>
    </>
  );
}

interface SliderProps {
  readonly id: "turn" | "width" | "slab";
  readonly label: string;
  readonly value: number;
  readonly from: number;
  readonly to: number;
  readonly unit: string;
  set(value: number): void;
}

function Slider({ id, label, value, from, to, unit, set }: SliderProps) {
  return (
    <label title={label}>
      <span class="curve-control">{t(`curved.${id}.short`)}</span>
      <input
        type="range"
        data-testid={`curve-${id}`}
        min={from}
        max={to}
        value={value}
        aria-label={label}
        aria-valuetext={`${n(value)}${unit}`}
        onInput={(event) => set(Number(event.currentTarget.value))}
      />
      <span class="curve-value">
        {n(value)}
        {unit}
      </span>
    </label>
  );
}
