/**
 * A pointer that goes in steps over the active viewport: whatever a tool does by dragging is done by keys alone, or by
 * single presses (WCAG 2.1.1, 2.5.7). It speaks to the viewport as the mouse does, so that every tool understands it.
 */

import { useEffect, useRef, useState } from "preact/hooks";

import { t } from "@/i18n";
import type { PlainKey } from "@/i18n/catalogue";
import { isTouchOnly } from "@/model/device";
import type { Pane } from "@/model/pane";
import type { Workspace } from "@/model/workspace";
import { PixelReadout } from "@/ui/PixelReadout";
import { useLayer } from "@/ui/useLayer";
import "@/ui/barBelow.css";
import "@/ui/stepPad.css";

interface Spot {
  readonly x: number;
  readonly y: number;
}

const FAR_PX = 10;
const NEAR_PX = 1;

/** Where a step goes, by the key that makes it. */
const WAYS = {
  ArrowLeft: { x: -1, y: 0, label: "steps.left", sign: "←" },
  ArrowUp: { x: 0, y: -1, label: "steps.up", sign: "↑" },
  ArrowDown: { x: 0, y: 1, label: "steps.down", sign: "↓" },
  ArrowRight: { x: 1, y: 0, label: "steps.right", sign: "→" },
} as const satisfies Readonly<Record<string, Spot & { readonly label: PlainKey; readonly sign: string }>>;

function within(at: number, length: number): number {
  return Math.max(0, Math.min(at, Math.floor(length) - 1));
}

/** The viewport beneath the pad: what the mouse would be over. */
function viewportOf(pad: HTMLElement | null): HTMLElement | undefined {
  return pad?.closest(".pane")?.querySelector<HTMLElement>(".canvas-place canvas") ?? undefined;
}

/** Tell the viewport what a mouse with one button would: `pressed` while the button is down. */
function tell(viewport: HTMLElement, kind: "down" | "move" | "up", { x, y }: Spot, pressed: boolean): void {
  const box = viewport.getBoundingClientRect();
  const said: MouseEventInit = {
    bubbles: true,
    cancelable: true,
    view: globalThis.window,
    clientX: box.left + x,
    clientY: box.top + y,
    button: 0,
    buttons: pressed ? 1 : 0,
  };
  viewport.dispatchEvent(new PointerEvent(`pointer${kind}`, { ...said, pointerType: "mouse", isPrimary: true }));
  viewport.dispatchEvent(new MouseEvent(`mouse${kind}`, said));
}

export function StepPad({ workspace, pane }: { readonly workspace: Workspace; readonly pane: Pane }) {
  const pad = useRef<HTMLDivElement>(null);
  const [spot, setSpot] = useState<Spot | undefined>(undefined);
  const [pressed, setPressed] = useState(false);
  const [fine, setFine] = useState(false);
  const now = useRef({ spot, pressed });
  now.current = { spot, pressed };
  useEffect(() => {
    const box = viewportOf(pad.current)?.getBoundingClientRect();
    if (box) setSpot({ x: Math.round(box.width / 2), y: Math.round(box.height / 2) });
    pad.current?.focus();
    const here = pad.current;
    return () => {
      const { spot: last, pressed: down } = now.current;
      const viewport = viewportOf(here);
      if (viewport && last && down) tell(viewport, "up", last, false);
    };
  }, []);

  const go = (x: number, y: number, near: boolean): void => {
    const viewport = viewportOf(pad.current);
    if (!viewport || !spot) return;
    const step = near ? NEAR_PX : FAR_PX;
    const box = viewport.getBoundingClientRect();
    const next = { x: within(spot.x + x * step, box.width), y: within(spot.y + y * step, box.height) };
    setSpot(next);
    tell(viewport, "move", next, pressed);
  };
  const press = (): void => {
    const viewport = viewportOf(pad.current);
    if (!viewport || !spot) return;
    if (!pressed) tell(viewport, "move", spot, false);
    tell(viewport, pressed ? "up" : "down", spot, !pressed);
    setPressed(!pressed);
  };
  const close = (): void => {
    const viewport = pad.current?.closest(".pane")?.querySelector<HTMLElement>(".viewport");
    workspace.switches.steps.value = false;
    viewport?.focus();
  };
  useLayer(true, close);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const way = event.key in WAYS ? WAYS[event.key as keyof typeof WAYS] : undefined;
    const onPad = event.target === event.currentTarget;
    if (way) go(way.x, way.y, fine || event.shiftKey);
    else if (onPad && (event.key === "Enter" || event.key === " ")) press();
    else if (event.key === "Escape") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <>
      {spot && (
        <svg class="step-mark" style={{ left: `${spot.x}px`, top: `${spot.y}px` }} viewBox="-12 -12 24 24" aria-hidden="true" data-pressed={pressed}>
          <path d="M-11 0H-3M3 0H11M0 -11V-3M0 3V11" />
        </svg>
      )}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- an application of its own keys */}
      <div
        ref={pad}
        class="step-pad"
        role="application"
        tabIndex={0}
        aria-label={t(isTouchOnly() ? "steps.label.touch" : "steps.label")}
        data-testid="step-pad"
        data-x={spot?.x}
        data-y={spot?.y}
        onKeyDown={onKeyDown}
        onDblClick={(event) => event.stopPropagation()}
      >
        {Object.values(WAYS).map(({ x, y, label, sign }) => (
          <button key={label} type="button" class="button" aria-label={t(label)} data-testid={label.replace(".", "-")} onClick={() => go(x, y, fine)}>
            {sign}
          </button>
        ))}
        <button type="button" class="button" data-testid="steps-fine" aria-pressed={fine} onClick={() => setFine(!fine)}>
          {t("steps.fine")}
        </button>
        <button type="button" class="button" data-testid="steps-press" aria-pressed={pressed} onClick={press}>
          {t("steps.press")}
        </button>
        <button type="button" class="button quiet" data-testid="steps-close" onClick={close}>
          {t("dialog.close")}
        </button>
        <span class="hidden-label" role="status">
          {pane.pixel.value && pane.frame.value && <PixelReadout pixel={pane.pixel.value} dataset={pane.frame.value.dataset} />}
        </span>
      </div>
    </>
  );
}
