/** A place for what is larger than the viewport: scrolled, enlarged by buttons, keys, wheel and two fingers. */

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

import { n, t } from "@/i18n";
import { Scroll } from "@/ui/documents/Scroll";

interface ZoomStageProps {
  /** Width of the content in its true size, CSS pixels; undefined until it is known. */
  readonly natural: number | undefined;
  readonly label: string;
  /** The content at this width. */
  children(width: number): ComponentChildren;
}

const STEP = 1.25;
const [SMALLEST, LARGEST] = [0.1, 8];
const FIT_LARGEST = 1.6; // larger than this nobody wants a page to be by itself
const MARGIN = 24;

export function ZoomStage({ natural, label, children }: ZoomStageProps) {
  const place = useRef<HTMLDivElement>(null);
  const [room, setRoom] = useState(0);
  const [wanted, setWanted] = useState<number | undefined>(undefined);
  useLayoutEffect(() => {
    if (!place.current) return undefined;
    const resizing = new ResizeObserver(([entry]) => setRoom(entry?.contentRect.width ?? 0));
    resizing.observe(place.current);
    return () => resizing.disconnect();
  }, []);
  const fitting = natural && room > 0 ? Math.min(FIT_LARGEST, (room - MARGIN) / natural) : 1;
  const zoom = wanted ?? fitting;
  const current = useRef(zoom);
  current.current = zoom;
  /** Enlarge about a point of the stage, its middle when none is given. */
  const to = (next: number, at?: readonly [number, number]): void => {
    const element = place.current;
    if (!element) return;
    const clamped = Math.max(SMALLEST, Math.min(LARGEST, next));
    const [x, y] = at ?? [element.clientWidth / 2, element.clientHeight / 2];
    const ratio = clamped / current.current;
    const [left, top] = [(element.scrollLeft + x) * ratio - x, (element.scrollTop + y) * ratio - y];
    setWanted(clamped);
    requestAnimationFrame(() => element.scrollTo(left, top)); // when it has its new size
  };
  useGestures(place, current, to);
  return (
    <div class="zoom-stage">
      <div class="zoom-bar" role="toolbar" aria-label={t("doc.zoom")}>
        <button type="button" class="button quiet" data-testid="zoom-out" aria-label={t("doc.zoomOut")} onClick={() => to(zoom / STEP)}>
          −
        </button>
        <span class="zoom-value" data-testid="zoom-value">
          {n(zoom * 100)} %
        </span>
        <button type="button" class="button quiet" data-testid="zoom-in" aria-label={t("doc.zoomIn")} onClick={() => to(zoom * STEP)}>
          +
        </button>
        <button type="button" class="button quiet" data-testid="zoom-fit" onClick={() => setWanted(undefined)}>
          {t("doc.fit")}
        </button>
        <button type="button" class="button quiet" data-testid="zoom-true" onClick={() => to(1)}>
          100 %
        </button>
      </div>
      <Scroll place={place} label={label}>
        {children((natural ?? 0) * zoom)}
      </Scroll>
    </div>
  );
}

/** The wheel with Ctrl and two fingers enlarge; the mouse drags. One finger scrolls by itself. */
function useGestures(
  place: { readonly current: HTMLDivElement | null },
  zoom: { readonly current: number },
  to: (next: number, at?: readonly [number, number]) => void,
): void {
  const latest = useRef(to);
  latest.current = to;
  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const left = new AbortController();
    const options = { signal: left.signal, passive: false };
    const inside = (x: number, y: number): [number, number] => {
      const box = element.getBoundingClientRect();
      return [x - box.left, y - box.top];
    };
    element.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey) return;
        event.preventDefault();
        latest.current(zoom.current * Math.exp(-event.deltaY / 300), inside(event.clientX, event.clientY));
      },
      options,
    );
    let pinch: { readonly apart: number; readonly zoom: number } | undefined;
    const fingers = ({ touches: [one, other] }: TouchEvent): { apart: number; at: [number, number] } | undefined =>
      one && other && {
        apart: Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY),
        at: inside((one.clientX + other.clientX) / 2, (one.clientY + other.clientY) / 2),
      };
    const onFingers = (event: Event): void => {
      const now = event.type === "touchmove" ? fingers(event as TouchEvent) : undefined;
      if (!now) pinch = undefined;
      else {
        event.preventDefault();
        pinch ??= { apart: now.apart, zoom: zoom.current };
        latest.current((pinch.zoom * now.apart) / pinch.apart, now.at);
      }
    };
    // A finger's events go to what it came down on, also when that is drawn anew at another size, and no longer here.
    const onStart = ({ target }: Event): void => {
      for (const name of ["touchmove", "touchend", "touchcancel"]) target?.addEventListener(name, onFingers, options);
    };
    element.addEventListener("touchstart", onStart, options);
    let held: { readonly x: number; readonly y: number } | undefined;
    element.addEventListener("pointerdown", (event) => {
      const words = event.target instanceof HTMLElement && event.target.closest("span") !== null; // to be chosen
      if (event.pointerType === "mouse" && event.button === 0 && !words) held = { x: event.clientX, y: event.clientY };
    }, options);
    globalThis.addEventListener("pointermove", (event) => {
      if (!held || (event.buttons & 1) === 0) return;
      element.scrollBy(held.x - event.clientX, held.y - event.clientY);
      held = { x: event.clientX, y: event.clientY };
    }, options);
    globalThis.addEventListener("pointerup", () => (held = undefined), options);
    return () => left.abort();
  }, []);
}
