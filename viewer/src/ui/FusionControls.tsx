/** What lies over the planes of a series: which series, through which colours and window, how dense. */

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import type { SeriesSummary } from "@/dicomweb/client";
import { volumeOf } from "@/dicomweb/geometry";
import { phasesOf } from "@/dicomweb/phases";
import { t } from "@/i18n";
import { OF_STATE } from "@/model/blending";
import { BY_HAND, fusible, fusion, refusalOf, windowBetween, type Beneath, type Fusion, type FusionRefusal } from "@/model/fusion";
import { COLOUR_MAPS } from "@/tools/colourMaps";
import { presetsFor, type Ends } from "@/tools/presets";
import { scaleOf } from "@/ui/ColourBar";
import { Icon } from "@/ui/icons";
import type { PaneProps } from "@/ui/paneProps";
import { presetLabel } from "@/ui/presetLabel";
import { useLayer } from "@/ui/useLayer";
import type { VolumeFailure } from "@/viewport/volumeContract";

const HOT_METAL = "Black-Body Radiation";
const MOSTLY = 0.7;
const MARGIN_PX = 8;

interface FusionControlsProps extends PaneProps {
  readonly volume: Beneath;
  /** What became of the voxels that were to lie over the plane. */
  readonly failed: VolumeFailure | undefined;
  /** Between which values its colours go, once it lies there. */
  readonly ends: Ends | undefined;
}

export function FusionControls({ workspace, pane, volume, failed, ends }: FusionControlsProps) {
  const base = pane.showing.value?.series;
  const [asked, setAsked] = useState<SeriesSummary | undefined>(undefined);
  const { refused, loading } = useFusion({ workspace, pane }, volume, asked, () => setAsked(undefined));
  const choices = base ? fusible(workspace, base) : [];
  if (!base || choices.length === 0) return null;
  const shown = fusion.value?.base === base.seriesInstanceUid ? fusion.value : undefined;
  const why = refused ?? (shown && failed);
  return (
    <>
      <select
        aria-label={t("fusion.choose")}
        data-testid="fusion"
        value={shown?.over.seriesInstanceUid ?? asked?.seriesInstanceUid ?? ""}
        onChange={(event) => {
          const over = choices.find(({ seriesInstanceUid }) => seriesInstanceUid === event.currentTarget.value);
          fusion.value = undefined;
          setAsked(over);
        }}
      >
        <option value="">{t("fusion.none")}</option>
        {choices.map(({ seriesInstanceUid, modality, description }) => (
          <option key={seriesInstanceUid} value={seriesInstanceUid}>
            + {modality} {description}
          </option>
        ))}
      </select>
      {shown && <LooksButton shown={shown} ends={ends} />}
      {loading && <span role="status">{t("fusion.loading")}</span>}
      {why && (
        <span class="caution" role="status" data-testid="fusion-refused" data-why={why}>
          {t(`fusion.refused.${why}`)}
        </span>
      )}
    </>
  );
}

interface Asked {
  readonly refused: FusionRefusal | undefined;
  readonly loading: boolean;
}

/** Lay a series over the planes once its images are known and prove to belong there. */
function useFusion({ workspace, pane }: PaneProps, volume: Beneath, asked: SeriesSummary | undefined, done: () => void): Asked {
  const load = asked && workspace.study.library.of(asked);
  const loaded = load?.loaded.value === true;
  const frames = load?.content.value.frames;
  const found = useMemo(() => (frames && loaded ? volumeOf(phasesOf(frames)?.[0]?.frames ?? frames) : undefined), [frames, loaded]);
  const refused = found && refusalOf(volume, found);
  useEffect(() => {
    const base = pane.showing.peek()?.series.seriesInstanceUid;
    if (!asked || !base || !found?.volume || refused) return;
    fusion.value = { base, over: asked, volume: found.volume, colours: HOT_METAL, opacity: MOSTLY, ramped: true, preset: undefined };
    done();
  }, [asked, found, refused]);
  return { refused, loading: asked !== undefined && !loaded };
}

type Corner = Readonly<Record<"right" | "bottom", string>>;

/**
 * At the bar of a button, above it where there is room, and at the bar's beginning, for the colour bar is at its end. From the window's
 * edges: a scrolled bar would cut it.
 */
function useCornerAbove(button: { readonly current: HTMLElement | null }, open: boolean): Corner | undefined {
  const [corner, setCorner] = useState<Corner | undefined>(undefined);
  useLayoutEffect(() => {
    if (!open) return undefined;
    const place = (): void => {
      const within = button.current?.parentElement;
      // a bar that shares its rows with another has no box of its own
      const bar = (within?.getClientRects().length === 0 ? within.parentElement : within)?.getBoundingClientRect();
      if (!bar) return;
      const { height: high = 0, width: wide = 0 } = button.current?.nextElementSibling?.getBoundingClientRect() ?? {};
      const bottom = bar.top < high + MARGIN_PX ? Math.max(MARGIN_PX, innerHeight - bar.bottom - high) : innerHeight - bar.top;
      const right = Math.min(innerWidth - bar.left - wide, innerWidth - wide - MARGIN_PX); // over this picture, not the one before
      setCorner({ right: `${Math.max(MARGIN_PX, right)}px`, bottom: `${bottom}px` });
    };
    place();
    addEventListener("resize", place);
    const rows = new ResizeObserver(place); // the bar has more rows in larger or wider letters
    if (button.current?.parentElement) rows.observe(button.current.parentElement);
    return () => {
      removeEventListener("resize", place);
      rows.disconnect();
    };
  }, [open]);
  return open ? corner : undefined;
}

/** Whether all that the window shows of an element lies behind a cover; what a scrolled bar cuts off is not shown. */
function isBeneath(element: Element, cover: Element): boolean {
  if (cover.contains(element)) return false;
  const over = cover.getBoundingClientRect();
  let { left, top, right, bottom } = element.getBoundingClientRect();
  const cutTo = (port: Pick<DOMRect, "left" | "top" | "right" | "bottom">): void => {
    [left, top] = [Math.max(left, port.left), Math.max(top, port.top)];
    [right, bottom] = [Math.min(right, port.right), Math.min(bottom, port.bottom)];
  };
  cutTo({ left: MARGIN_PX, top: MARGIN_PX, right: innerWidth - MARGIN_PX, bottom: innerHeight - MARGIN_PX });
  for (let at = element.parentElement; at; at = at.parentElement) if (getComputedStyle(at).overflow !== "visible") cutTo(at.getBoundingClientRect());
  return left >= over.left && right <= over.right && top >= over.top && bottom <= over.bottom;
}

interface LooksProps {
  readonly shown: Fusion;
  readonly ends: Ends | undefined;
}

/** One button in the bar, so that a plane keeps its room: what it opens lies over the plane, until Escape, Back, a press on it or the focus going beneath. */
function LooksButton({ shown, ends }: LooksProps) {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const looks = useRef<HTMLDivElement>(null);
  const corner = useCornerAbove(button, open);
  useEffect(() => {
    let frame = 0;
    const onFocusIn = ({ target }: FocusEvent): void => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => {
        // only now has the bar been scrolled to it
        if (looks.current && target instanceof Element && isBeneath(target, looks.current)) setOpen(false);
      });
    };
    if (open) addEventListener("focusin", onFocusIn);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener("focusin", onFocusIn);
    };
  }, [open]);
  const close = (): void => {
    setOpen(false);
    button.current?.focus();
  };
  useLayer(open, close, true);
  return (
    <>
      <button
        ref={button}
        type="button"
        class="button quiet"
        data-testid="fusion-looks"
        title={t("fusion.looks")}
        aria-label={`${t("fusion.looks")}: ${percent(shown)}`}
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <Icon name="preset" /> {percent(shown)}
      </button>
      {open && (
        <div ref={looks} class="fusion-looks" style={corner} role="group" aria-label={t("fusion.looks")} data-keys="own">
          <Looks shown={shown} ends={ends} />
        </div>
      )}
    </>
  );
}

function percent({ opacity }: Fusion): string {
  return `${Math.round(opacity * 100)} %`;
}

function Looks({ shown, ends }: LooksProps) {
  const change = (looks: Partial<Fusion>): void => {
    fusion.value = { ...shown, ...looks };
  };
  const presets = presetsFor(shown.volume.frames[0]?.dataset);
  return (
    <>
      <label class="slab-thickness">
        <input
          type="range"
          data-testid="fusion-opacity"
          min={0}
          max={100}
          value={Math.round(shown.opacity * 100)}
          aria-label={t("fusion.opacity")}
          onInput={(event) => change({ opacity: Number(event.currentTarget.value) / 100 })}
        />
        <span>{percent(shown)}</span>
      </label>
      <select
        aria-label={t("fusion.ramp")}
        data-testid="fusion-ramp"
        value={shown.ramped ? "value" : "even"}
        onChange={(event) => change({ ramped: event.currentTarget.value === "value" })}
      >
        <option value="value">{t("fusion.ramp.value")}</option>
        <option value="even">{t("fusion.ramp.even")}</option>
      </select>
      <select
        aria-label={t("fusion.colours")}
        data-testid="fusion-colours"
        value={shown.colours}
        onChange={(event) => change({ colours: event.currentTarget.value, palette: undefined })}
      >
        {shown.palette && <option value={shown.colours}>{t("states.own")}</option>}
        {COLOUR_MAPS.map(({ name, label }) => (
          <option key={name} value={name}>
            {label}
          </option>
        ))}
      </select>
      <select
        aria-label={t("fusion.window")}
        data-testid="fusion-window"
        value={shown.preset?.name ?? presets.find(({ kind }) => kind === "values")?.name ?? "stored"}
        onChange={(event) => change({ preset: presets.find(({ name }) => name === event.currentTarget.value) })}
      >
        {shown.preset?.name === OF_STATE && <option value={OF_STATE}>{t("states.own")}</option>}
        {shown.preset?.name === BY_HAND && <option value={BY_HAND}>{t("fusion.window.byHand")}</option>}
        {presets.map((preset) => (
          <option key={preset.name} value={preset.name}>
            {presetLabel(preset)}
          </option>
        ))}
      </select>
      {ends && <EndsFields shown={shown} ends={ends} />}
    </>
  );
}

/** The window in numbers: from which value to which. */
function EndsFields({ shown, ends }: { readonly shown: Fusion; readonly ends: Ends }) {
  const { factor, unit, digits } = scaleOf(shown, ends);
  const field = (name: keyof Ends) => (
    <input
      type="number"
      step="any"
      data-testid={`fusion-${name}`}
      aria-label={`${t(`fusion.window.${name}`)} ${unit}`.trim()}
      value={Number((ends[name] * factor).toFixed(digits))}
      onChange={({ currentTarget }) => {
        const next = { ...ends, [name]: currentTarget.valueAsNumber / factor };
        if (next.lower < next.upper) fusion.value = { ...shown, preset: windowBetween(next) };
        else currentTarget.value = String(Number((ends[name] * factor).toFixed(digits)));
      }}
    />
  );
  return (
    <div class="fusion-ends">
      {field("lower")} – {field("upper")} {unit}
    </div>
  );
}
