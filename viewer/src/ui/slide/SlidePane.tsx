/** A whole slide: looked at from afar and from near, its tiles fetched as they are wanted. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { objectPath } from "@/dicomweb/client";
import { Tag, text } from "@/dicomweb/json";
import { slidesOf } from "@/dicomweb/slide";
import { n, t } from "@/i18n";
import { fitting, magnification, moved, scaleBar, scalesOf, zoomed, type Size, type SlideView } from "@/model/slideView";
import { Tiles } from "@/model/tiles";
import type { ButtonName } from "@/tools/palette";
import { Icon } from "@/ui/icons";
import { PatientCorner, StudyCorner } from "@/ui/Identity";
import type { PaneProps } from "@/ui/paneProps";
import { draw } from "@/ui/slide/draw";
import { holdSlide } from "@/ui/slide/gestures";
import { useSize } from "@/ui/useSize";
import "@/ui/slide/slide.css";
import type { ViewControls } from "@/viewport/contract";

const STEP = 1.5;
const WORKS: ReadonlySet<ButtonName> = new Set(["layout", "compare", "view", "invert", "reset", "fullScreen", "help"]);
const MICROMETRES = 1000;

export function SlidePane({ workspace, pane }: PaneProps) {
  const { slides: objects, frames } = pane.content.value;
  const series = pane.showing.value?.series;
  const slides = useMemo(() => slidesOf(objects), [objects]);
  const [chosen, choose] = useState(0);
  const [plane, setPlane] = useState(0);
  const [path, setPath] = useState(0);
  const [aside, setAside] = useState(false);
  const [view, setView] = useState<SlideView | undefined>(undefined);
  const [arrivals, setArrivals] = useState(0);
  const [missing, setMissing] = useState<number | undefined>(undefined);
  const [inverted, setInverted] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  const size = useSize(place);
  const canvas = useRef<HTMLCanvasElement>(null);
  const slide = slides[Math.min(chosen, slides.length - 1)];
  const tiles = useMemo(() => series && new Tiles(series, objects, () => setArrivals((count) => count + 1)), [series, objects]);
  useEffect(() => () => tiles?.close(), [tiles]);
  const shown = slide && size[0] > 0 ? (view ?? fitting(slide, size)) : undefined;
  const latest = useRef({ slide, size, shown });
  latest.current = { slide, size, shown };
  const change = (next: (now: SlideView) => SlideView): void => {
    if (latest.current.shown) setView((latest.current.shown = next(latest.current.shown)));
  };
  const zoom = (factor: number, at?: Size): void => {
    const { slide: now, size: room } = latest.current;
    if (now) change((seen) => zoomed(now, seen, room, factor, at ?? [room[0] / 2, room[1] / 2]));
  };
  const move = (by: Size): void => {
    const { slide: now } = latest.current;
    if (now) change((seen) => moved(now, seen, by));
  };
  useEffect(() => (place.current ? holdSlide(place.current, { move, zoom, whole: () => setView(undefined) }) : undefined), []);
  useEffect(() => {
    const controls: ViewControls = {
      works: WORKS,
      show: () => {},
      setTool: () => {},
      applyPreset: () => {},
      invert: () => setInverted((now) => !now),
      zoomBy: (factor, at) => zoom(factor, at),
      reset: () => setView(undefined),
      clear: () => undefined,
      letGo: () => {},
      close: () => {},
    };
    pane.controls.value = controls;
    return () => {
      if (pane.controls.peek() === controls) pane.controls.value = undefined;
    };
  }, [pane]);
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context || !slide || !shown || !tiles) return undefined;
    const waiting = requestAnimationFrame(() => {
      const [wide, high] = [Math.round(size[0] * devicePixelRatio), Math.round(size[1] * devicePixelRatio)];
      if (element.width !== wide || element.height !== high) [element.width, element.height] = [wide, high];
      setMissing(draw(context, { slide, view: shown, size, ratio: devicePixelRatio, plane, path }, tiles));
    });
    return () => cancelAnimationFrame(waiting);
  }, [slide, shown?.x, shown?.y, shown?.scale, size, plane, path, tiles, arrivals]);
  if (!slide || !series) return null;
  const large = shown && magnification(slide, shown);
  const [smallest, largest] = shown ? scalesOf(slide, size) : [0, Infinity];
  const failed = tiles?.failed ?? 0;
  return (
    <div class="slide-stage">
      <div class="zoom-bar" role="toolbar" aria-label={t("slide.bar")}>
        <button type="button" class="button quiet" data-testid="zoom-out" aria-label={t("doc.zoomOut")} aria-disabled={(shown?.scale ?? 1) <= smallest} onClick={() => zoom(1 / STEP)}>
          −
        </button>
        <span class="zoom-value" data-testid="slide-magnification">
          {large === undefined ? `${n((shown?.scale ?? 0) * 100)} %` : `${n(large, large < 10 ? 1 : 0)}×`}
        </span>
        <button type="button" class="button quiet" data-testid="zoom-in" aria-label={t("doc.zoomIn")} aria-disabled={(shown?.scale ?? 1) >= largest} onClick={() => zoom(STEP)}>
          +
        </button>
        <button type="button" class="button quiet" data-testid="zoom-fit" onClick={() => setView(undefined)}>
          {t("slide.whole")}
        </button>
        {slides.length > 1 && (
          <Choice label={t("slide.which")} names={slides.map((_, index) => `${index + 1}/${slides.length}`)} value={chosen} choose={choose} />
        )}
        {slide.planes > 1 && (
          <Choice label={t("slide.plane")} names={Array.from({ length: slide.planes }, (_, index) => t("slide.planeOf", { plane: index + 1, total: slide.planes }))} value={plane} choose={setPlane} />
        )}
        {slide.paths.length > 1 && <Choice label={t("slide.path")} names={slide.paths} value={path} choose={setPath} />}
        {slide.aside.length > 0 && (
          <button type="button" class="button quiet" aria-pressed={aside} data-testid="slide-aside" onClick={() => setAside(!aside)}>
            {t("slide.label")}
          </button>
        )}
        {frames.length > 1 && (
          <button type="button" class="button quiet" data-testid="slide-frames" onClick={() => workspace.show({ kind: "stack", series, options: { own: true } }, pane)}>
            {t("slide.tiles")}
          </button>
        )}
      </div>
      <div
        ref={place}
        class="slide-place"
        data-testid="slide"
        data-keys="own"
        data-levels={slide.levels.length}
        data-missing={missing}
        data-scale={shown?.scale}
        data-x={shown?.x}
        data-y={shown?.y}
        data-inverted={inverted}
        tabIndex={0}
        role="application"
        aria-label={t("slide.label.stage")}
      >
        <canvas ref={canvas} class="slide-canvas" />
        <div class="overlay slide-identity">
          <PatientCorner dataset={objects[0] ?? {}} />
          <StudyCorner workspace={workspace} pane={pane} frame={{ dataset: objects[0] ?? {}, studyInstanceUid: series.studyInstanceUid }} all />
        </div>
        {shown && <Bar bar={scaleBar(slide, shown)} />}
        {failed > 0 && (
          <div class="slide-failed" role="alert">
            <Icon name="warning" /> {t("slide.failed")}
            <button
              type="button"
              class="button"
              onClick={() => {
                tiles?.retry();
                setArrivals((count) => count + 1);
              }}
            >
              {t("failure.retry")}
            </button>
          </div>
        )}
        {aside && (
          <div class="slide-aside">
            {slide.aside.map((dataset) => {
              const uid = text(dataset, Tag.SOPInstanceUID);
              const object = objectPath(series.studyInstanceUid, series.seriesInstanceUid, uid);
              return <img key={uid} src={`${object}/frames/1/rendered?viewport=480,480`} alt={t("slide.label")} />;
            })}
          </div>
        )}
      </div>
    </div>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly names: readonly string[];
  readonly value: number;
  choose(index: number): void;
}

function Choice({ label, names, value, choose }: ChoiceProps) {
  return (
    <select aria-label={label} title={label} value={value} onChange={(event) => choose(Number(event.currentTarget.value))}>
      {names.map((name, index) => (
        <option key={index} value={index}>
          {name}
        </option>
      ))}
    </select>
  );
}

/** A length on the slide. Without a spacing there is none to tell. */
function Bar({ bar }: { readonly bar: ReturnType<typeof scaleBar> }) {
  if (!bar) return <span class="slide-bar muted">{t("slide.noScale")}</span>;
  const words = bar.mm >= 1 ? `${n(bar.mm)} ${t("unit.mm")}` : `${n(bar.mm * MICROMETRES, 1)} ${t("slide.um")}`;
  return (
    <span class="slide-bar" data-testid="slide-bar" data-mm={bar.mm} data-px={bar.px.toFixed(2)}>
      <span class="slide-ruler" style={{ width: `${bar.px}px` }} />
      {words}
    </span>
  );
}
