/** A button of the list that opens a small window below itself: closed by Escape, the browser's Back, and by a press or the focus elsewhere. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { useLayer } from "@/ui/useLayer";
import { Icon, type IconName } from "@/ui/icons";

interface PopupProps {
  readonly name: string;
  readonly label: string;
  readonly icon: IconName;
  readonly class?: string;
  /** Of the button, where it is none of the list's chips. */
  readonly look?: string;
  content(close: () => void): ComponentChildren;
}

export function Popup({ name, label, icon, class: className = "", look = "chip", content }: PopupProps) {
  const [open, setOpen] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const close = (): void => {
    setOpen(false);
    button.current?.focus();
  };
  useLayer(open, close, true);
  useEffect(() => {
    if (!open) return undefined;
    // the focus, too: it would be covered, and comes from nowhere where what had it is gone
    const onOutside = (event: PointerEvent | FocusEvent): void => {
      if (!place.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", onOutside);
    document.addEventListener("focusin", onOutside);
    return () => {
      document.removeEventListener("pointerdown", onOutside);
      document.removeEventListener("focusin", onOutside);
    };
  }, [open]);
  return (
    <div ref={place} class={`popup-place ${className}`}>
      <button ref={button} type="button" class={look} data-testid={`popup-${name}`} title={label} aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name={icon} />
        <span class={look === "chip" ? undefined : "user-name"}>{label}</span>
      </button>
      {open && (
        <div class="popup" role="group" aria-label={label} data-testid={`popup-${name}-content`}>
          {content(close)}
        </div>
      )}
    </div>
  );
}
