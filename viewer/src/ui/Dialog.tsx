/** A box over the page which keeps the focus until it is closed, by its buttons, by Escape or by the browser's Back. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { useLayer } from "@/ui/useLayer";

interface DialogProps {
  readonly label: string;
  readonly name: string;
  readonly class?: string;
  close(): void;
  /** Called before it is closed by Escape or Back. */
  cancel?(): void;
  readonly children: ComponentChildren;
}

/** Who was at work before goes on there, if the focus is nowhere now and the element still stands. */
export function giveBack(before: Element | null): void {
  const lost = document.activeElement === null || document.activeElement === document.body;
  if (lost && before instanceof HTMLElement && before.isConnected) before.focus();
}

export function Dialog({ label, name, class: className = "dialog", close, cancel, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => giveBack(before);
  }, []);
  useLayer(true, () => {
    cancel?.();
    dialog.current?.close();
  });
  return (
    <dialog ref={dialog} class={className} aria-label={label} data-testid={name} onCancel={cancel} onClose={close}>
      {children}
    </dialog>
  );
}
